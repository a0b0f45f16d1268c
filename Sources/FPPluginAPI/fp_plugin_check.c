/* Compiles the contract as strict C11, so that its layout locks are checked in every build. */
#include "fp_plugin.h"
