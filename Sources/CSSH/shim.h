#ifndef FPHOST_CSSH_SHIM_H
#define FPHOST_CSSH_SHIM_H

#include <libssh/libssh.h>

#endif
