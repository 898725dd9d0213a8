#include "CStellarLinux.h"
