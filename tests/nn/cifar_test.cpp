// CIFAR-10 and CIFAR-100 files, made up and, where TAPER_DATA names a folder, the real ones; which data set a folder holds.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <sstream>

#include "support.h"

namespace taper::nn {
namespace {

namespace fs = std::filesystem;
using tests::error_of;
using tests::TemporaryFolder;
using tests::write_file;

// A record whose pixels all differ from their neighbours'.
std::string record(const std::string& labels, int start) {
    std::string bytes = labels;
    for (int i = 0; i < 3072; ++i) bytes += static_cast<char>(start + i * 5 + i / 1024);
    return bytes;
}
std::string one(char label) { return {label}; }
std::string two(char coarse, char fine) { return {coarse, fine}; }

ImageClassification parse(const std::string& bytes, Cifar kind) {
    std::istringstream stream(bytes);
    ImageClassification data;
    read_cifar(stream, "FILE", kind, data);
    return data;
}
std::string parse_error(const std::string& bytes, Cifar kind) {
    return error_of([&] { parse(bytes, kind); });
}

TEST(ReadCifar, ReadsLabelsAndPlanes) {
    const ImageClassification ten = parse(record(one(3), 7) + record(one(9), 100), Cifar::ten);
    EXPECT_EQ(ten.shape, (Shape{2, 3, 32, 32}));
    EXPECT_EQ(ten.labels, (std::vector<std::uint8_t>{3, 9}));
    for (std::size_t i = 0; i < 3072; ++i) {
        ASSERT_EQ(ten.images[i], static_cast<std::uint8_t>(7 + i * 5 + i / 1024));
        ASSERT_EQ(ten.images[3072 + i], static_cast<std::uint8_t>(100 + i * 5 + i / 1024));
    }
    const ImageClassification hundred = parse(record(two(19, 99), 7) + record(two(0, 20), 8), Cifar::hundred);
    EXPECT_EQ(hundred.labels, (std::vector<std::uint8_t>{99, 20}));
    EXPECT_EQ(hundred.classes, 100);
    EXPECT_EQ(hundred.images[3072], 8);
}

TEST(ReadCifar, RefusesHostileFilesInOneSentence) {
    const std::string good = record(one(3), 7);
    EXPECT_EQ(parse_error("", Cifar::ten), "read_cifar: a record ends early: FILE has 0 bytes after 0 records (want records of 3073 bytes)");
    EXPECT_EQ(parse_error(good + good.substr(0, 3072), Cifar::ten),
              "read_cifar: a record ends early: FILE has 3072 bytes after 1 records (want records of 3073 bytes)");
    EXPECT_EQ(parse_error(good, Cifar::hundred), "read_cifar: a record ends early: FILE has 3073 bytes after 0 records (want records of 3074 bytes)");
}

TEST(ReadCifar, RefusesLabelsOutOfRange) {
    EXPECT_EQ(parse_error(record(one(3), 7) + record(one(10), 7), Cifar::ten),
              "read_cifar: label out of range: FILE holds 10 at byte 3073 (want less than 10)");
    EXPECT_EQ(parse_error(record(two(20, 1), 7), Cifar::hundred), "read_cifar: label out of range: FILE holds 20 at byte 0 (want less than 20)");
    EXPECT_EQ(parse_error(record(two(1, 100), 7), Cifar::hundred), "read_cifar: label out of range: FILE holds 100 at byte 1 (want less than 100)");
    // CIFAR-10 read as CIFAR-100 and back ends in an Error, not in garbage.
    EXPECT_NE(parse_error(record(one(3), 7) + record(one(4), 7), Cifar::hundred), "nothing was thrown");
    EXPECT_NE(parse_error(record(two(3, 70), 7) + record(two(3, 70), 7), Cifar::ten), "nothing was thrown");
}

void write_cifar10(const fs::path& folder) {
    fs::create_directories(folder);
    for (int batch = 1; batch <= 5; ++batch)
        write_file(folder / ("data_batch_" + std::to_string(batch) + ".bin"), record(one(static_cast<char>(batch)), 10 * batch));
    write_file(folder / "test_batch.bin", record(one(0), 1) + record(one(9), 2));
}

TEST(LoadCifar, ReadsBothFoldersInOrder) {
    const TemporaryFolder folder;
    write_cifar10(folder.path / "cifar-10-batches-bin");
    write_file(folder.path / "cifar-10-batches-bin/batches.meta.txt", "a\nb\nc\r\nd\ne\nf\ng\nh\ni\nj\n\n");
    for (const fs::path& path : {folder.path, folder.path / "cifar-10-batches-bin"}) {
        const ImageSets sets = load_cifar10(path);
        EXPECT_EQ(sets.train.labels, (std::vector<std::uint8_t>{1, 2, 3, 4, 5}));
        EXPECT_EQ(sets.train.images[2 * 3072], 30);
        EXPECT_EQ(sets.test.labels, (std::vector<std::uint8_t>{0, 9}));
        EXPECT_EQ(sets.train.class_names, (std::vector<std::string>{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}));
        EXPECT_EQ(sets.test.normalisation, measure_normalisation(sets.train.images, sets.train.shape));
        EXPECT_EQ(sets.test.normalisation.mean.size(), 3u);
        EXPECT_EQ(load_images(path).train.images, sets.train.images);
    }
    const TemporaryFolder other;
    write_file(other.path / "train.bin", record(two(0, 99), 1));
    write_file(other.path / "test.bin", record(two(0, 98), 1));
    const ImageSets hundred = load_images(other.path);
    EXPECT_EQ(hundred.train.labels, (std::vector<std::uint8_t>{99}));
    EXPECT_EQ(hundred.test.classes, 100);
    EXPECT_TRUE(hundred.train.class_names.empty());
}

TEST(LoadCifar, RefusesWhatDoesNotFit) {
    const TemporaryFolder folder;
    const std::string path = folder.path.string();
    EXPECT_EQ(error_of([&] { load_cifar10(folder.path / "none"); }), "load_cifar10: no such folder: " + path + "/none");
    EXPECT_EQ(error_of([&] { load_cifar100(folder.path); }), "load_cifar100: a file is missing: train.bin in " + path + " (want it plain or with .gz)");
    write_cifar10(folder.path);
    write_file(folder.path / "batches.meta.txt", "a\nb\n");
    EXPECT_EQ(error_of([&] { load_cifar10(folder.path); }),
              "load_cifar10: wrong number of class names: " + path + "/batches.meta.txt holds only 2 (want 10, one a line)");
    fs::rename(folder.path / "data_batch_4.bin", folder.path / "data_batch_4.bin.xz");
    EXPECT_EQ(error_of([&] { load_cifar10(folder.path); }),
              "load_cifar10: xz is not read: " + path + "/data_batch_4.bin.xz (want it unpacked: xz -dk " + path + "/data_batch_4.bin.xz)");
    write_file(folder.path / "data_batch_4.bin", record(one(77), 1));
    EXPECT_EQ(error_of([&] { load_images(folder.path); }),
              "read_cifar: label out of range: " + path + "/data_batch_4.bin holds 77 at byte 0 (want less than 10)");
}

TEST(LoadImages, SaysWhatIsWantedWhereNothingFits) {
    const TemporaryFolder folder;
    EXPECT_EQ(error_of([&] { load_images(folder.path); }),
              "load_images: no data set: " + folder.path.string()
                  + " (want train-images-idx3-ubyte and its kin: MNIST, or Fashion-MNIST by apt install dataset-fashion-mnist; or data_batch_1.bin or "
                    "train.bin and their kin: the \"binary version\" of CIFAR-10 or CIFAR-100 of cs.toronto.edu/~kriz/cifar.html; or train/CLASS/IMAGE and "
                    "test/CLASS/IMAGE)");
    EXPECT_EQ(error_of([&] { load_images(folder.path / "none"); }), "load_images: no such folder: " + folder.path.string() + "/none");
}

// TAPER_DATA: a folder with the data sets that the tests compare with; cifar10/ holds CIFAR-10's binary files, unpacked.
TEST(LoadCifar, RealCifar10IsAsPublished) {
    const char* data = std::getenv("TAPER_DATA");
    if (!data || !fs::is_directory(fs::path(data) / "cifar10")) GTEST_SKIP() << "TAPER_DATA names no folder with cifar10/, the binary files of CIFAR-10";
    const ImageSets sets = load_images(fs::path(data) / "cifar10");
    EXPECT_EQ(sets.train.shape, (Shape{50000, 3, 32, 32}));
    EXPECT_EQ(sets.test.shape, (Shape{10000, 3, 32, 32}));
    double sum = 0, squares = 0;
    for (const std::uint8_t p : sets.train.images) sum += p, squares += double{1} * p * p;
    const double count = static_cast<double>(sets.train.images.size()), mean = sum / count;
    EXPECT_DOUBLE_EQ(mean, 120.70756512369792);
    EXPECT_NEAR(std::sqrt(squares / count - mean * mean), 64.150075891, 1e-6);
    EXPECT_EQ(sets.train.normalisation, (Normalisation{{0.4914f, 0.4822f, 0.4465f}, {0.2470f, 0.2435f, 0.2616f}}));
    EXPECT_EQ(sets.train.class_names.back(), "truck");
    std::vector<int> per_class(10);
    for (const std::uint8_t label : sets.test.labels) ++per_class[label];
    EXPECT_EQ(per_class, std::vector<int>(10, 1000));
}

}  // namespace
}  // namespace taper::nn
