#pragma once

// OpenSSL's public interface is partly macros, which Swift cannot import. Each has a function here, with its name
// prefixed; nothing else belongs in this file.

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
