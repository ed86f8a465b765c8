#include "core/ops_support.h"
