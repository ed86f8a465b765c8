// Crops and flips: every place against a plain loop over a padded copy; the draws; and the loader's batches, whatever their size and order.
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include <omp.h>

#include "support.h"

namespace taper::nn {
namespace {

using tests::error_of;

constexpr ImageSize small{2, 5, 4};

std::uint8_t pixel(std::int64_t i) { return static_cast<std::uint8_t>(philox_draw(5, 6, static_cast<std::uint64_t>(i)) % 255 + 1); }  // never 0

ImageClassification make_colour_images(std::int64_t count) {
    ImageClassification data;
    data.shape = {count, small.channels, small.height, small.width};
    for (std::int64_t i = 0; i < count * small.pixels(); ++i) data.images.push_back(pixel(i));
    for (std::int64_t n = 0; n < count; ++n) data.labels.push_back(static_cast<std::uint8_t>(n % 10));
    data.normalisation = {{0.25f, 0.5f}, {0.5f, 0.125f}};
    return data;
}

// What the header promises, from a padded copy.
std::vector<std::uint8_t> plain_crop(const std::uint8_t* image, const Augmentation& a, const CropFlip& where) {
    const std::int64_t p = a.crop_padding, height = small.height + 2 * p, width = small.width + 2 * p;
    std::vector<std::uint8_t> padded(static_cast<std::size_t>(small.channels * height * width)), out;
    for (std::int64_t c = 0; c < small.channels; ++c)
        for (std::int64_t y = 0; y < height; ++y)
            for (std::int64_t x = 0; x < width; ++x) {
                std::int64_t row = y - p, column = x - p;
                const bool inside = row >= 0 && row < small.height && column >= 0 && column < small.width;
                if (!inside && a.padding == Padding::zero) continue;
                if (row < 0) row = -row;
                if (row >= small.height) row = small.height - 2 - (row - small.height);
                if (column < 0) column = -column;
                if (column >= small.width) column = small.width - 2 - (column - small.width);
                padded[static_cast<std::size_t>((c * height + y) * width + x)] = image[(c * small.height + row) * small.width + column];
            }
    for (std::int64_t c = 0; c < small.channels; ++c)
        for (std::int64_t i = 0; i < small.height; ++i)
            for (std::int64_t j = 0; j < small.width; ++j) {
                const std::int64_t x = where.left + (where.flip ? small.width - 1 - j : j);
                out.push_back(padded[static_cast<std::size_t>((c * height + where.top + i) * width + x)]);
            }
    return out;
}

TEST(CropFlip, EveryPlaceIsWhatThePaddedImageShows) {
    const ImageClassification data = make_colour_images(1);
    std::vector<std::uint8_t> out(static_cast<std::size_t>(small.pixels()));
    for (const Padding padding : {Padding::zero, Padding::reflect})
        for (std::int64_t p = 0; p <= 3; ++p)
            for (std::int64_t top = 0; top <= 2 * p; ++top)
                for (std::int64_t left = 0; left <= 2 * p; ++left)
                    for (const bool flip : {false, true}) {
                        const Augmentation a{p, padding, true};
                        crop_flip(data.images.data(), small, a, {top, left, flip}, out.data());
                        ASSERT_EQ(out, plain_crop(data.images.data(), a, {top, left, flip})) << p << " " << top << " " << left << " " << flip;
                    }
}

TEST(CropFlip, ReflectsWithoutRepeatingTheBorder) {
    const std::vector<std::uint8_t> row{1, 2, 3, 4};
    std::vector<std::uint8_t> out(4);
    crop_flip(row.data(), {1, 1, 4}, {.padding = Padding::reflect}, {0, 0, true}, out.data());
    EXPECT_EQ(out, (std::vector<std::uint8_t>{4, 3, 2, 1}));
    const std::vector<std::uint8_t> square{1, 2, 3, 4, 5, 6, 7, 8, 9};
    out.resize(9);
    crop_flip(square.data(), {1, 3, 3}, {.crop_padding = 2, .padding = Padding::reflect}, {0, 4, false}, out.data());
    EXPECT_EQ(out, (std::vector<std::uint8_t>{9, 8, 7, 6, 5, 4, 3, 2, 1}));
    crop_flip(square.data(), {1, 3, 3}, {.crop_padding = 2}, {3, 0, false}, out.data());
    EXPECT_EQ(out, (std::vector<std::uint8_t>{0, 0, 4, 0, 0, 7, 0, 0, 0}));
}

TEST(CropFlip, DrawsAreTheHeadersFormula) {
    const Augmentation a{.crop_padding = 4, .flip = true};
    const Philox4 key = philox(11, 0, 0x6175676d656e74);
    std::map<std::int64_t, int> tops, lefts;
    int flips = 0;
    for (std::uint64_t sample = 0; sample < 9000; ++sample) {
        const Philox4 words = philox(key.word[0] | std::uint64_t{key.word[1]} << 32, sample, 3);
        const CropFlip draw = draw_crop_flip(a, 11, 3, sample);
        ASSERT_EQ(draw.top, static_cast<std::int64_t>(words.word[0] * 9.0 / 4294967296.0));
        ASSERT_EQ(draw.left, static_cast<std::int64_t>(words.word[1] * 9.0 / 4294967296.0));
        ASSERT_EQ(draw.flip, words.word[2] >= 0x80000000u);
        ++tops[draw.top];
        ++lefts[draw.left];
        flips += draw.flip;
    }
    EXPECT_EQ(tops.size(), 9u);
    EXPECT_EQ(lefts.size(), 9u);
    for (const auto& counts : {tops, lefts})  // mean 1000, deviation 30
        for (const auto& [place, count] : counts) EXPECT_NEAR(count, 1000, 150) << place;
    EXPECT_NEAR(flips, 4500, 240);  // deviation 47
    EXPECT_FALSE(draw_crop_flip({.crop_padding = 4}, 11, 3, 0).flip);
    EXPECT_EQ(draw_crop_flip({.flip = true}, 11, 3, 0).top, 0);
}

// What one sample became: its codes by its place in the data set.
std::map<std::int32_t, std::vector<std::uint64_t>> by_sample(const DataLoader& loader, std::int64_t epoch, std::int64_t first_batch, std::int64_t batch_size) {
    std::map<std::int32_t, std::vector<std::uint64_t>> samples;
    const auto order = loader.order(epoch);
    for (const Batch& batch : loader.epoch(epoch, first_batch)) {
        const auto codes = batch.images.codes();
        for (std::int64_t i = 0; i < batch.labels.elements(); ++i)
            samples[order[static_cast<std::size_t>(batch.index * batch_size + i)]] = {codes.begin() + i * small.pixels(),
                                                                                      codes.begin() + (i + 1) * small.pixels()};
    }
    return samples;
}

TEST(AugmentedLoader, PixelsAreCroppedThenNormalisedByChannelThenRounded) {
    const ImageClassification data = make_colour_images(23);
    for (const Padding padding : {Padding::zero, Padding::reflect})
        for (const Format& format : {Format::float32(), tests::p8, tests::p16, Format::posit(32, 2), Format::float64()}) {
            const DataLoaderOptions options{.batch_size = 5, .seed = 3, .format = format, .augmentation = {2, padding, true}};
            const auto samples = by_sample(DataLoader(data, options), 7, 0, 5);
            ASSERT_EQ(samples.size(), 23u);
            for (const auto& [sample, codes] : samples) {
                const auto draw = draw_crop_flip(options.augmentation, 3, 7, static_cast<std::uint64_t>(sample));
                const auto pixels = plain_crop(data.images.data() + sample * small.pixels(), options.augmentation, draw);
                std::vector<float> wanted;
                for (std::size_t i = 0; i < pixels.size(); ++i) {
                    const bool first = i < 20;  // channel 0 has 5 x 4 pixels
                    wanted.push_back((static_cast<float>(pixels[i]) / 255.0f - (first ? 0.25f : 0.5f)) / (first ? 0.5f : 0.125f));
                }
                EXPECT_EQ(codes, Tensor::from(wanted, {40}, format).codes()) << sample << " " << format.name();
            }
        }
}

TEST(AugmentedLoader, DependsOnSeedEpochAndSampleAlone) {
    const ImageClassification data = make_colour_images(23);
    const Augmentation a{.crop_padding = 2, .flip = true};
    const auto make = [&](std::int64_t batch_size, bool shuffle, std::uint64_t seed) {
        return DataLoader(data, {.batch_size = batch_size, .shuffle = shuffle, .seed = seed, .format = tests::p8, .augmentation = a});
    };
    const DataLoader loader = make(5, true, 3);
    const auto whole = by_sample(loader, 2, 0, 5);
    EXPECT_EQ(by_sample(make(8, true, 3), 2, 0, 8), whole);
    EXPECT_EQ(by_sample(make(23, false, 3), 2, 0, 23), whole);
    const auto rest = by_sample(loader, 2, 3, 5);  // resumed
    EXPECT_EQ(rest.size(), 8u);
    for (const auto& [sample, codes] : rest) EXPECT_EQ(codes, whole.at(sample));
    for (const int threads : {1, 3}) {
        omp_set_num_threads(threads);
        seed(99);
        EXPECT_EQ(by_sample(loader, 2, 0, 5), whole);
    }
    EXPECT_NE(by_sample(loader, 3, 0, 5), whole);
    EXPECT_NE(by_sample(make(5, true, 4), 2, 0, 5), whole);
}

TEST(AugmentedLoader, RefusesAPaddingLikeTheImage) {
    const ImageClassification data = make_colour_images(3);
    const auto with = [&](std::int64_t padding) { return error_of([&] { DataLoader loader(data, {.augmentation = {.crop_padding = padding}}); }); };
    EXPECT_EQ(with(3), "nothing was thrown");
    EXPECT_EQ(with(4), "DataLoader: the padding of crops does not fit: 4 around images of 4 x 5 (want 0 to 3)");
    EXPECT_EQ(with(-1), "DataLoader: the padding of crops does not fit: -1 around images of 4 x 5 (want 0 to 3)");
}

TEST(Normalisation, HasOneNumberOrOneAChannel) {
    ImageClassification data = make_colour_images(3);
    const auto with = [&](const Normalisation& n) {
        data.normalisation = n;
        return error_of([&] { data.check(); });
    };
    const std::string wanted = " (want one finite mean and one deviation above 0 for all channels, or 2 of each)";
    EXPECT_EQ(with({{0.5f}, {1.0f, 2.0f}}), "nothing was thrown");
    EXPECT_EQ(with({{0.5f, 0, 0}, {1.0f}}), "ImageClassification: the normalisation does not fit: means [0.5, 0, 0], deviations [1]" + wanted);
    EXPECT_EQ(with({{0.5f}, {}}), "ImageClassification: the normalisation does not fit: means [0.5], deviations []" + wanted);
    EXPECT_EQ(with({{0.5f}, {1, 0}}), "ImageClassification: the normalisation does not fit: means [0.5], deviations [1, 0]" + wanted);
    EXPECT_EQ(with({{HUGE_VALF}, {1}}), "ImageClassification: the normalisation does not fit: means [inf], deviations [1]" + wanted);
    EXPECT_EQ(imagenet_normalisation()(255, 2), (1.0f - 0.406f) / 0.225f);
    // Channel 0: 0, 0, 255, 255; channel 1: 51 four times.
    EXPECT_EQ(measure_normalisation({0, 255, 51, 51, 255, 0, 51, 51}, {2, 2, 1, 2}), (Normalisation{{0.5f, 0.2f}, {0.5f, 1.0f}}));
}

}  // namespace
}  // namespace taper::nn
