#pragma once

// libcurl, loaded when it is needed (CCurl.c). It sets options and reads results through variadic functions, which Swift
// cannot call: each shape of argument in use has a function here, with its name prefixed.

#include <curl/curl.h>

/// Loads libcurl, unless it is loaded. NULL, or why it cannot be had: a text that stays where it is.
///
/// The functions of libcurl do this themselves; where it cannot be had, those that make something make nothing.
const char *CCurl_load(void);

/// curl_url_get(3), whose first argument became constant on the way to version 8.
CURLUcode CCurl_getPart(CURLU *url, CURLUPart part, char **text, unsigned int flags);

static inline CURLcode CCurl_setLong(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode CCurl_setOffset(CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode CCurl_setString(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode CCurl_setPointer(CURL *handle, CURLoption option, void *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode CCurl_setList(CURL *handle, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(handle, option, value);
}

// The bytes are copied, so that they need not outlive the call.
static inline CURLcode CCurl_setBlob(CURL *handle, CURLoption option, const void *bytes, size_t count) {
    struct curl_blob blob = {(void *)bytes, count, CURL_BLOB_COPY};
    return curl_easy_setopt(handle, option, &blob);
}

typedef size_t (*CCurl_dataCallback)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode CCurl_setDataCallback(CURL *handle, CURLoption option, CCurl_dataCallback callback) {
    return curl_easy_setopt(handle, option, callback);
}

static inline CURLcode CCurl_setProgressCallback(CURL *handle, curl_xferinfo_callback callback) {
    return curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, callback);
}

static inline CURLcode CCurl_getLong(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}
