// libcurl, loaded when it is first called. Debian's brings 25 more libraries (LDAP, Kerberos, SSH, a second TLS), whose
// relocated pages are four megabytes of memory in every process that is linked with it; a daemon that pulls no image
// needs none of them.
//
// The functions have libcurl's own names and types, so that the compiler holds them against its header, and do nothing
// but call it.

#include "CCurl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

// Which of libcurl's interfaces curl.h describes; Debian's package is libcurl4.
#define LIBRARY "libcurl.so.4"

#define FUNCTIONS(F) \
    F(curl_global_init) F(curl_free) F(curl_easy_init) F(curl_easy_cleanup) F(curl_easy_reset) F(curl_easy_perform) \
    F(curl_easy_strerror) F(curl_easy_setopt) F(curl_easy_getinfo) F(curl_slist_append) F(curl_slist_free_all) \
    F(curl_url) F(curl_url_cleanup) F(curl_url_set) F(curl_url_get)

#define MEMBER(name) __typeof__(&(name)) name;
static struct { FUNCTIONS(MEMBER) } libcurl;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char problem[512];

static void load(void) {
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(problem, sizeof problem, "%s (apt-get install libcurl4)", dlerror());
        return;
    }
#define FIND(name) \
    libcurl.name = (__typeof__(&(name)))dlsym(library, #name); \
    if (!libcurl.name) { \
        snprintf(problem, sizeof problem, "%s has no function %s: it is too old", LIBRARY, #name); \
        return; \
    }
    FUNCTIONS(FIND)
}

const char *CCurl_load(void) {
    pthread_once(&once, load);
    return problem[0] ? problem : NULL;
}

static int isLoaded(void) { return CCurl_load() == NULL; }

CURLcode curl_global_init(long flags) { return isLoaded() ? libcurl.curl_global_init(flags) : CURLE_FAILED_INIT; }

CURL *curl_easy_init(void) { return isLoaded() ? libcurl.curl_easy_init() : NULL; }

CURLU *curl_url(void) { return isLoaded() ? libcurl.curl_url() : NULL; }

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text) {
    return isLoaded() ? libcurl.curl_slist_append(list, text) : NULL;
}

const char *curl_easy_strerror(CURLcode code) {
    const char *reason = CCurl_load();
    return reason ? reason : libcurl.curl_easy_strerror(code);
}

// These get what those above gave, so libcurl is there.

void curl_free(void *pointer) { libcurl.curl_free(pointer); }

void curl_easy_cleanup(CURL *handle) { libcurl.curl_easy_cleanup(handle); }

void curl_easy_reset(CURL *handle) { libcurl.curl_easy_reset(handle); }

CURLcode curl_easy_perform(CURL *handle) { return libcurl.curl_easy_perform(handle); }

// All options of libcurl are a long, an offset or a pointer (curl_easy_setopt(3)): each is one register, and is passed
// on as it came.
CURLcode (curl_easy_setopt)(CURL *handle, CURLoption option, ...) {
    va_list arguments;
    va_start(arguments, option);
    void *value = va_arg(arguments, void *);
    va_end(arguments);
    return libcurl.curl_easy_setopt(handle, option, value);
}

CURLcode (curl_easy_getinfo)(CURL *handle, CURLINFO info, ...) {
    va_list arguments;
    va_start(arguments, info);
    void *result = va_arg(arguments, void *);
    va_end(arguments);
    return libcurl.curl_easy_getinfo(handle, info, result);
}

void curl_slist_free_all(struct curl_slist *list) {
    if (list) libcurl.curl_slist_free_all(list);
}

void curl_url_cleanup(CURLU *url) { libcurl.curl_url_cleanup(url); }

CURLUcode curl_url_set(CURLU *url, CURLUPart part, const char *text, unsigned int flags) {
    return libcurl.curl_url_set(url, part, text, flags);
}

CURLUcode CCurl_getPart(CURLU *url, CURLUPart part, char **text, unsigned int flags) {
    return libcurl.curl_url_get(url, part, text, flags);
}
