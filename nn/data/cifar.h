// CIFAR-10 and CIFAR-100, "binary version" (Krizhevsky, 2009).
//   A record is one label byte (CIFAR-100: a coarse one of 20, then the fine one of 100), then 3072 pixels [3, 32, 32], row-major.
#pragma once

#include <filesystem>
#include <istream>
#include <string>

#include <taper/nn/data/images.h>

namespace taper::nn {

enum class Cifar { ten, hundred };

// Appends the records of a stream, plain or gzipped, to `data` (fine labels, 32 x 32 RGB); `name` is what errors call it.  Hostile bytes are
// expected: memory grows with the records that are really there.
// Throws one Error that names the stream and the place: no record, a record cut short, a label out of range, damaged gzip.
void read_cifar(std::istream& stream, const std::string& name, Cifar kind, ImageClassification& data);

// data_batch_1.bin .. data_batch_5.bin and test_batch.bin of a folder or of its subfolder cifar-10-batches-bin, each plain or with .gz; class
// names from batches.meta.txt where it is there.  Throws Error as read_cifar does; on a missing file (one with .xz is to be unpacked first).
ImageSets load_cifar10(const std::filesystem::path& folder);
// The same for train.bin and test.bin of a folder or of its subfolder cifar-100-binary, names from fine_label_names.txt.
ImageSets load_cifar100(const std::filesystem::path& folder);

}  // namespace taper::nn
