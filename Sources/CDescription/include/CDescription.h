/* openapi.json as a part of the program, so that the host needs no file beside it.  Swift's own way to embed a file, an
 * array of numbers in source text, takes half a minute to compile. */
#ifndef CDESCRIPTION_H
#define CDESCRIPTION_H

#include <stddef.h>

/* The file's bytes, `count` of them. */
const unsigned char *cd_openapi(size_t *count);

#endif
