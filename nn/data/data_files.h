// What the readers of data sets share: finding their files, and putting the two splits together.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <taper/nn/data/images.h>

namespace taper::nn {

// The file `name` of a folder, plain or with .gz.  Throws Error in the words of `op` if there is none; one with .xz is told how to unpack.
std::filesystem::path find_data_file(const std::filesystem::path& folder, const std::string& name, const std::string& op);

// Names one a line, without empty lines; throws Error unless there are `count`.  Empty if the folder lacks the file.
std::vector<std::string> read_class_names(const std::filesystem::path& file, std::int64_t count, const std::string& op);

// Both splits, normalised as measured over `train`.  Throws Error in the words of `op` if channels or sizes of the images differ.
ImageSets finish_sets(ImageSets sets, const std::string& op, const std::filesystem::path& folder);

}  // namespace taper::nn
