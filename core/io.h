// Named tensors on disk in the safetensors layout.
//   8 bytes little-endian N, N bytes of JSON {name: {dtype, shape, data_offsets}, "__metadata__": {string: string}}, then the codes.
// float32, float64, float16, bfloat16, int32, uint8 tensors carry the dtypes F32 F64 F16 BF16 I32 U8, and PyTorch's safetensors reads
// them; I64 is read as int32, Error where a number does not fit; other formats are stored as U8, U16, U32 or U64 codes with the format's name under "taper.format.NAME" in the metadata.
// The data lies in order of falling code size, then of name, so that each tensor's is aligned; the header is padded with blanks to 8 bytes.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <taper/core/tensor.h>

namespace taper {

using NamedTensors = std::map<std::string, Tensor>;
using Metadata = std::map<std::string, std::string>;

// Written to a temporary name in the same folder, synced, renamed: a crash leaves the old file whole.  Throws Error naming the file,
// also for a tensor called "__metadata__" and for metadata whose key begins with "taper.format.".
void save(const std::filesystem::path& file, const NamedTensors& tensors, const Metadata& metadata = {});

struct Loaded {
    NamedTensors tensors;
    Metadata metadata;
};
// Treats the file as hostile: every size and offset is checked before memory is taken; Error names the file and the place.
Loaded load(const std::filesystem::path& file);

}  // namespace taper
