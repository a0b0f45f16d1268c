#ifndef FPHOST_CCURL_SHIM_H
#define FPHOST_CCURL_SHIM_H

#include <curl/curl.h>

// libcurl sets options through C varargs, which Swift cannot call. Each wrapper fixes the one argument type
// that libcurl documents for a family of options; giving an option of another family is undefined there as in C.
// `static inline` keeps them out of the symbol table of whatever links this module, plugins included.

/// Options of type CURLOPTTYPE_LONG.
static inline CURLcode fp_curl_easy_setopt_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

/// Options of type CURLOPTTYPE_OFF_T: the names ending in _LARGE.
static inline CURLcode fp_curl_easy_setopt_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}

/// Options of type CURLOPTTYPE_STRINGPOINT. libcurl copies the text, except for CURLOPT_POSTFIELDS.
static inline CURLcode fp_curl_easy_setopt_string(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

/// Options of type CURLOPTTYPE_SLISTPOINT. The list must outlive the transfer.
static inline CURLcode fp_curl_easy_setopt_slist(CURL *easy, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(easy, option, value);
}

/// Options of type CURLOPTTYPE_OBJECTPOINT and CURLOPTTYPE_CBPOINT: user data and buffers.
static inline CURLcode fp_curl_easy_setopt_pointer(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}

/// CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION.
static inline CURLcode fp_curl_easy_setopt_write(CURL *easy, CURLoption option, curl_write_callback value) {
    return curl_easy_setopt(easy, option, value);
}

/// CURLOPT_READFUNCTION.
static inline CURLcode fp_curl_easy_setopt_read(CURL *easy, CURLoption option, curl_read_callback value) {
    return curl_easy_setopt(easy, option, value);
}

/// CURLOPT_SEEKFUNCTION.
static inline CURLcode fp_curl_easy_setopt_seek(CURL *easy, CURLoption option, curl_seek_callback value) {
    return curl_easy_setopt(easy, option, value);
}

/// CURLOPT_OPENSOCKETFUNCTION.
static inline CURLcode fp_curl_easy_setopt_opensocket(CURL *easy, CURLoption option, curl_opensocket_callback value) {
    return curl_easy_setopt(easy, option, value);
}

/// CURLOPT_RESOLVER_START_FUNCTION.
static inline CURLcode fp_curl_easy_setopt_resolver_start(
    CURL *easy, CURLoption option, curl_resolver_start_callback value) {
    return curl_easy_setopt(easy, option, value);
}

/// Facts of type CURLINFO_OFF_T: the names ending in _T.
static inline CURLcode fp_curl_easy_getinfo_offset(CURL *easy, CURLINFO info, curl_off_t *value) {
    return curl_easy_getinfo(easy, info, value);
}

/// Facts of type CURLINFO_PTR, and CURLINFO_PRIVATE.
static inline CURLcode fp_curl_easy_getinfo_pointer(CURL *easy, CURLINFO info, void **value) {
    return curl_easy_getinfo(easy, info, value);
}

/// Options of type CURLOPTTYPE_LONG of a multi handle.
static inline CURLMcode fp_curl_multi_setopt_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

/// The result of a transfer that curl_multi_info_read reports as CURLMSG_DONE (the field is in a C union).
static inline CURLcode fp_curl_message_result(const CURLMsg *message) {
    return message->data.result;
}

/// The socket address that an open-socket callback is given. `addr` is declared shorter than what follows it
/// in memory for IPv6, so that copying the structure by value, as Swift would, cuts the address off.
static inline const struct sockaddr *fp_curl_socket_address(const struct curl_sockaddr *address) {
    return &address->addr;
}

#endif
