// idx files, honest and hostile, plain and gzipped; image sets; the loader's order, prefetching and shutdown.
#include <gtest/gtest.h>
#include <zlib.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <new>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "support.h"

// The largest single allocation since it was last set to 0.
static std::atomic<std::size_t> largest{0};
void* operator new(std::size_t bytes) {
    for (std::size_t seen = largest; bytes > seen && !largest.compare_exchange_weak(seen, bytes);) {
    }
    if (void* block = std::malloc(bytes ? bytes : 1)) return block;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* block) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept { std::free(block); }

namespace taper::nn {
namespace {

using tests::error_of;
using tests::p8;
using tests::TemporaryFolder;
using tests::write_file;

std::string big_endian(std::uint32_t value) {
    return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8), static_cast<char>(value)};
}
std::string labels_file(const std::string& values) { return big_endian(2049) + big_endian(static_cast<std::uint32_t>(values.size())) + values; }
std::string images_file(std::uint32_t n, std::uint32_t rows, std::uint32_t columns, const std::string& values) {
    return big_endian(2051) + big_endian(n) + big_endian(rows) + big_endian(columns) + values;
}
std::string gzipped(const std::string& bytes) {
    z_stream z{};
    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&z, bytes.size()) + 64, '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    z.avail_in = static_cast<uInt>(bytes.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    deflate(&z, Z_FINISH);
    out.resize(z.total_out);
    deflateEnd(&z);
    return out;
}
Idx parse(const std::string& bytes, int rank) {
    std::istringstream stream(bytes);
    return read_idx(stream, "FILE", rank);
}
std::string parse_error(const std::string& bytes, int rank) {
    return error_of([&] { parse(bytes, rank); });
}

TEST(ReadIdx, ReadsPlainAndGzipped) {
    std::string pixels;
    for (int i = 0; i < 3 * 50 * 700; ++i) pixels += static_cast<char>(i * 7 + i / 256);  // more than one chunk
    const std::string file = images_file(3, 50, 700, pixels);
    for (const std::string& bytes : {file, gzipped(file)}) {
        const Idx idx = parse(bytes, 3);
        EXPECT_EQ(idx.sizes, (std::vector<std::int64_t>{3, 50, 700}));
        EXPECT_EQ(std::string(idx.values.begin(), idx.values.end()), pixels);
        EXPECT_EQ(idx.values.capacity(), idx.values.size());
    }
    EXPECT_EQ(parse(labels_file("\x01\x09"), 1).values, (std::vector<std::uint8_t>{1, 9}));
    EXPECT_TRUE(parse(labels_file(""), 1).values.empty());
}

TEST(ReadIdx, RefusesHostileFilesInOneSentence) {
    const std::string good = labels_file(std::string(100, '\x03'));
    EXPECT_EQ(parse_error("", 1), "read_idx: the header ends early: FILE at byte 0 (want 4 bytes from byte 0)");
    EXPECT_EQ(parse_error(good.substr(0, 6), 1), "read_idx: the header ends early: FILE at byte 6 (want 4 bytes from byte 4)");
    EXPECT_EQ(parse_error(good, 3), "read_idx: wrong magic: FILE starts with 00000801 at byte 0 (want 00000803: unsigned bytes in 3 axes)");
    EXPECT_EQ(parse_error(images_file(1, 1, 1, "x"), 1),
              "read_idx: wrong magic: FILE starts with 00000803 at byte 0 (want 00000801: unsigned bytes in 1 axis)");
    EXPECT_EQ(parse_error(good.substr(0, 107), 1), "read_idx: the data end early: FILE holds 99 values (want 100, as its header says)");
    EXPECT_EQ(parse_error(good + "z", 1), "read_idx: bytes after the end: FILE goes on at byte 108 (want 100 values after a header of 8 bytes)");
    EXPECT_EQ(parse_error(images_file(0xffffffffu, 28, 28, "x"), 3),
              "read_idx: the data end early: FILE holds 1 values (want 3367254359280, as its header says)");
    EXPECT_EQ(parse_error(images_file(0xffffffffu, 0xffffffffu, 2, "x"), 3), "read_idx: the sizes overflow: FILE at byte 8 (want fewer than 2^62 values)");
    EXPECT_EQ(parse_error(images_file(0x40000000u, 0x40000000u, 0x40000000u, "x"), 3),
              "read_idx: the sizes overflow: FILE at byte 12 (want fewer than 2^62 values)");
    EXPECT_EQ(error_of([] { read_idx("/nonexistent/labels", 1); }), "read_idx: the file cannot be opened: /nonexistent/labels");
    const TemporaryFolder folder;
    EXPECT_EQ(error_of([&] { read_idx(folder.path, 1); }), "read_idx: the file cannot be opened: " + folder.path.string());
}

TEST(ReadIdx, RefusesDamagedGzip) {
    std::string values;
    for (std::uint32_t i = 0; i < 5000; ++i) values += static_cast<char>(philox_draw(1, 2, i));
    const std::string good = gzipped(labels_file(values));
    EXPECT_EQ(parse(good, 1).values.size(), 5000u);
    const auto length = std::to_string(good.size());
    EXPECT_EQ(parse_error(good.substr(0, good.size() - 1), 1), "gzip: the file ends early: FILE after byte " + std::to_string(good.size() - 1));
    EXPECT_EQ(parse_error(good.substr(0, 2000), 1), "gzip: the file ends early: FILE after byte 2000");
    EXPECT_EQ(parse_error(good.substr(0, 2), 1), "gzip: the file ends early: FILE after byte 2");
    EXPECT_EQ(parse_error(good + "more", 1), "gzip: bytes after the end: FILE at byte " + length);
    std::string damaged = good;
    damaged[damaged.size() - 6] ^= 1;  // the checksum
    EXPECT_EQ(parse_error(damaged, 1).rfind("gzip: the data are damaged: FILE near byte " + std::to_string(good.size() - 4) + " (incorrect data check)", 0), 0u)
        << parse_error(damaged, 1);
    damaged = good;
    damaged[3] = '\x7f';  // reserved flags
    EXPECT_EQ(parse_error(damaged, 1).rfind("gzip: the data are damaged: FILE near byte ", 0), 0u);
    // The header inside gzip lies just as well.
    EXPECT_EQ(parse_error(gzipped(labels_file(values) + "z"), 1),
              "read_idx: bytes after the end: FILE goes on at byte 5008 (want 5000 values after a header of 8 bytes)");
    EXPECT_EQ(parse_error(gzipped(big_endian(2049) + big_endian(0x7fffffff) + values), 1),
              "read_idx: the data end early: FILE holds 5000 values (want 2147483647, as its header says)");
}

// A header that claims much takes no more memory than an honest small file.
TEST(ReadIdx, AllocatesNoMoreThanTheDataJustify) {
    constexpr std::size_t chunk = 65536;
    for (const std::string& bytes : {images_file(0x10000000u, 28, 28, std::string(100, 'x')), labels_file("").substr(0, 4) + big_endian(0xffffffffu) + "abc"}) {
        largest = 0;
        parse_error(bytes, bytes.size() > 50 ? 3 : 1);
        EXPECT_LE(largest, chunk);
    }
    const std::string half = images_file(0xffffffu, 28, 28, std::string(10 * chunk, 'x'));
    std::istringstream stream(half);
    largest = 0;
    EXPECT_EQ(error_of([&] { read_idx(stream, "FILE", 3); }), "read_idx: the data end early: FILE holds 655360 values (want 13153336560, as its header says)");
    EXPECT_LE(largest, 16 * chunk);
}

// Every byte of a small file changed or cut: an Error or a result, nothing else.
TEST(ReadIdx, SurvivesEveryCutAndFlip) {
    const std::string file = images_file(2, 3, 4, std::string(24, 'p'));
    for (const std::string& whole : {file, gzipped(file)})
        for (std::size_t i = 0; i < whole.size(); ++i) {
            EXPECT_NE(parse_error(whole.substr(0, i), 3), "nothing was thrown") << i;
            for (int bit = 0; bit < 8; ++bit) {
                std::string changed = whole;
                changed[i] = static_cast<char>(changed[i] ^ 1 << bit);
                parse_error(changed, 3);
            }
        }
}

void write_set(const std::filesystem::path& folder, const std::string& split, std::uint32_t count, const std::string& labels) {
    write_file(folder / (split + "-images-idx3-ubyte"), images_file(count, 4, 5, std::string(count * 20, '\x80')));
    write_file(folder / (split + "-labels-idx1-ubyte.gz"), gzipped(labels_file(labels)));
}

TEST(LoadIdxFolder, ReadsBothSplits) {
    const TemporaryFolder folder;
    write_set(folder.path, "train", 3, "\x01\x02\x09");
    write_set(folder.path, "t10k", 2, std::string("\x00\x05", 2));
    const ImageSets sets = load_idx_folder(folder.path);
    EXPECT_EQ(sets.train.shape, (Shape{3, 1, 4, 5}));
    EXPECT_EQ(sets.test.shape, (Shape{2, 1, 4, 5}));
    EXPECT_EQ(sets.train.labels, (std::vector<std::uint8_t>{1, 2, 9}));
    EXPECT_EQ(sets.test.normalisation, (Normalisation{{0.5020f}, {1.0f}}));  // 128/255, no deviation at all
}

TEST(LoadIdxFolder, RefusesWhatDoesNotFit) {
    const TemporaryFolder folder;
    const std::string path = folder.path.string();
    EXPECT_EQ(error_of([&] { load_idx_folder(folder.path / "none"); }), "load_idx_folder: no such folder: " + path + "/none");
    EXPECT_EQ(error_of([&] { load_idx_folder(folder.path); }),
              "load_idx_folder: a file is missing: train-images-idx3-ubyte in " + path + " (want it plain or with .gz)");
    write_set(folder.path, "t10k", 2, "\x01\x05");
    write_set(folder.path, "train", 3, "\x01\x02");
    EXPECT_EQ(error_of([&] { load_idx_folder(folder.path); }), "load_idx_folder: counts differ: " + path + "/train-images-idx3-ubyte has 3 images, " + path
                                                                   + "/train-labels-idx1-ubyte.gz has 2 labels (want as many)");
    write_set(folder.path, "train", 3, "\x01\x02\x0a");
    EXPECT_EQ(error_of([&] { load_idx_folder(folder.path); }),
              "load_idx_folder: label out of range: " + path + "/train-labels-idx1-ubyte.gz holds 10 at byte 10 (want less than 10)");
    write_set(folder.path, "train", 0, "");
    EXPECT_EQ(error_of([&] { load_idx_folder(folder.path); }),
              "load_idx_folder: no images: " + path + "/train-images-idx3-ubyte is [0, 4, 5] (want no size of 0)");
    write_set(folder.path, "train", 1, "\x01");
    write_file(folder.path / "t10k-images-idx3-ubyte", images_file(2, 5, 4, std::string(40, 'x')));
    EXPECT_EQ(error_of([&] { load_idx_folder(folder.path); }), "load_idx_folder: image sizes differ: train is [1, 1, 4, 5], test is [2, 1, 5, 4] in " + path);
}

TEST(Images, FashionMnistIsAsPublished) {
    if (!std::filesystem::is_directory("/usr/share/datasets/fashion-mnist")) {
        EXPECT_NE(error_of([] { find_fashion_mnist(); }).find("apt install dataset-fashion-mnist"), std::string::npos);
        GTEST_SKIP() << "Debian's package dataset-fashion-mnist is not installed";
    }
    const ImageSets sets = load_idx_folder(find_fashion_mnist());
    EXPECT_EQ(sets.train.shape, (Shape{60000, 1, 28, 28}));
    EXPECT_EQ(sets.test.shape, (Shape{10000, 1, 28, 28}));
    EXPECT_EQ(sets.train.normalisation, (Normalisation{{0.2860f}, {0.3530f}}));
    std::vector<int> per_class(10);
    for (const std::uint8_t label : sets.test.labels) ++per_class[label];
    EXPECT_EQ(per_class, std::vector<int>(10, 1000));
}

TEST(Images, CheckNamesWhatIsWrong) {
    ImageClassification data = tests::make_images(3);
    data.labels[1] = 10;
    EXPECT_EQ(error_of([&] { data.check(); }), "ImageClassification: label out of range: 10 at 1 (want less than 10)");
    data.labels.pop_back();
    EXPECT_EQ(error_of([&] { DataLoader loader(data); }),
              "ImageClassification: sizes do not fit: shape [3, 1, 28, 28], 2352 pixels, 2 labels (want [N, C, H, W], N > 0)");
}

// --- the loader

std::vector<Batch> collect(BatchStream stream) {
    std::vector<Batch> batches;
    for (const Batch& batch : stream) batches.push_back(batch);
    return batches;
}

TEST(DataLoader, GivesEverySampleOnceAndKeepsTheLastSmallBatch) {
    const ImageClassification data = tests::make_images(23);
    const DataLoader loader(data, {.batch_size = 5, .seed = 3});
    const auto batches = collect(loader.epoch(2));
    ASSERT_EQ(batches.size(), 5u);
    EXPECT_EQ(loader.batches(), 5);
    EXPECT_EQ(batches.back().labels.shape(), Shape{3});
    EXPECT_EQ(batches.back().images.shape(), (Shape{3, 1, 28, 28}));
    const auto order = loader.order(2);
    EXPECT_EQ(std::set<std::int32_t>(order.begin(), order.end()).size(), 23u);
    std::size_t position = 0;
    for (const Batch& batch : batches) {
        EXPECT_EQ(batch.index, static_cast<std::int64_t>(position / 5));
        const auto labels = batch.labels.to_int32_vector();
        const auto pixels = batch.images.to_vector();
        for (std::size_t i = 0; i < labels.size(); ++i, ++position) {
            const auto sample = static_cast<std::size_t>(order[position]);
            EXPECT_EQ(labels[i], data.labels[sample]);
            for (std::size_t k = 0; k < 784; ++k) ASSERT_EQ(pixels[i * 784 + k], (static_cast<float>(data.images[sample * 784 + k]) / 255.0f - 0.25f) / 0.5f);
        }
    }
    EXPECT_EQ(position, 23u);
}

TEST(DataLoader, OrderDependsOnSeedAndEpochAlone) {
    const ImageClassification data = tests::make_images(50);
    const DataLoader a(data, {.batch_size = 8, .seed = 3}), b(data, {.batch_size = 20, .seed = 3}), c(data, {.batch_size = 8, .seed = 4}),
        plain(data, {.shuffle = false});
    seed(99);
    EXPECT_EQ(a.order(2), b.order(2));
    EXPECT_NE(a.order(2), a.order(3));
    EXPECT_NE(a.order(2), c.order(2));
    EXPECT_EQ(default_generator().stream(), 0u);
    for (std::int32_t i = 0; i < 50; ++i) EXPECT_EQ(plain.order(7)[static_cast<std::size_t>(i)], i);
}

TEST(DataLoader, StartsAtAnyBatch) {
    const ImageClassification data = tests::make_images(23);
    const DataLoader loader(data, {.batch_size = 5, .seed = 3});
    const auto all = collect(loader.epoch(1)), rest = collect(loader.epoch(1, 3));
    ASSERT_EQ(rest.size(), 2u);
    EXPECT_EQ(rest[0].index, 3);
    EXPECT_EQ(rest[0].images.codes(), all[3].images.codes());
    EXPECT_EQ(rest[1].labels.codes(), all[4].labels.codes());
    EXPECT_TRUE(collect(loader.epoch(1, 5)).empty());
    EXPECT_EQ(error_of([&] { loader.epoch(1, 6); }), "DataLoader: no such batch: epoch 1, batch 6 (want an epoch from 0, a batch from 0 to 5)");
    EXPECT_EQ(error_of([&] { DataLoader(data, {.batch_size = 0}); }), "DataLoader: the batch size is 0 (want at least 1)");
}

TEST(DataLoader, RoundsImagesIntoAFormat) {
    const ImageClassification data = tests::make_images(9);
    for (const char* name : {"posit(8,2)", "posit(16,2)", "posit(32,2)", "bf16", "float64", "float32"}) {
        const Format format = Format::parse(name);
        const auto wide = collect(DataLoader(data, {.batch_size = 4}).epoch(0)),
                   rounded = collect(DataLoader(data, {.batch_size = 4, .format = format}).epoch(0));
        EXPECT_EQ(rounded[1].images.format(), format);
        EXPECT_EQ(rounded[1].images.codes(), wide[1].images.to(format).codes()) << name;
    }
}

TEST(BatchStream, RethrowsWhatTheThreadThrewAfterTheBatchesBefore) {
    BatchStream stream(0, 10, [](std::int64_t index) -> Batch {
        if (index == 2) throw Error("make: broken: batch 2");
        return {{}, {}, index};
    });
    EXPECT_EQ(stream.next()->index, 0);
    EXPECT_EQ(stream.next()->index, 1);
    EXPECT_EQ(error_of([&] { stream.next(); }), "make: broken: batch 2");
    EXPECT_FALSE(stream.next().has_value());
}

TEST(BatchStream, WorksAheadButNotFar) {
    std::atomic<int> made{0};
    BatchStream stream(0, 100, [&](std::int64_t index) -> Batch {
        ++made;
        return {{}, {}, index};
    });
    for (int wait = 0; wait < 1000 && made < 3; ++wait) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(made, 3);  // two in the queue, one in the thread's hand
    EXPECT_EQ(stream.next()->index, 0);
}

TEST(BatchStream, StopsWhenItIsDestroyedMidway) {
    const ImageClassification data = tests::make_images(64);
    const DataLoader loader(data, {.batch_size = 4});
    for (int taken = 0; taken < 20; ++taken) {
        BatchStream stream = loader.epoch(taken);
        for (int i = 0; i < taken % 5; ++i) stream.next();
    }
}

}  // namespace
}  // namespace taper::nn
