#include "CDescription.h"

/* #embed is of C23; clang has it in every mode, and has what it embeds among the files to compile this anew for. */
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char openapi[] = {
#embed "openapi.json"
};

const unsigned char *cd_openapi(size_t *count) {
    *count = sizeof openapi;
    return openapi;
}
