// `format_bench infer`: a trained network under many formats.
#pragma once

#include "infer_options.h"

namespace taper::apps {

// Prints results, writes files; the exit code.  Throws Error.
int infer(const InferOptions& options);

}  // namespace taper::apps
