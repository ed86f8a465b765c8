#include <taper/nn/data/loader.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <taper/core/random.h>
#include <taper/formats/error.h>
#include <taper/formats/philox.h>

namespace taper::nn {
namespace {

constexpr std::size_t ahead = 2;
constexpr std::uint64_t shuffle_tag = 0x73687566666c65;  // keeps the key of shuffles apart from the generators' streams

ImageSize image_size(const ImageClassification& data) { return {data.shape[1], data.shape[2], data.shape[3]}; }

template <class Code>
void look_up(const std::uint8_t* pixels, std::int64_t count, const void* levels, void* out) {
    const Code* table = static_cast<const Code*>(levels);
    for (std::int64_t i = 0; i < count; ++i) static_cast<Code*>(out)[i] = table[pixels[i]];
}

// One channel of an image; `levels` are its 256 codes of `bytes` bytes each.
void look_up(const std::uint8_t* pixels, std::int64_t count, int bytes, const void* levels, void* out) {
    switch (bytes) {
        case 1:
            return look_up<std::uint8_t>(pixels, count, levels, out);
        case 2:
            return look_up<std::uint16_t>(pixels, count, levels, out);
        case 4:
            return look_up<std::uint32_t>(pixels, count, levels, out);
        default:
            return look_up<std::uint64_t>(pixels, count, levels, out);
    }
}

}  // namespace

// What the background thread needs of a loader and an epoch.
struct DataLoader::Maker {
    const ImageClassification* data;
    Tensor levels;
    DataLoaderOptions options;
    std::int64_t epoch;
    std::vector<std::int32_t> order;

    Batch operator()(std::int64_t index) const {
        const ImageSize size = image_size(*data);
        const std::int64_t begin = index * options.batch_size, count = std::min(options.batch_size, data->size() - begin);
        const std::int64_t image_bytes = size.pixels() * levels.format().storage_bytes();
        Batch batch{Tensor::empty({count, size.channels, size.height, size.width}, levels.format(), Device::cpu()), {}, index};
        std::vector<std::int32_t> labels(static_cast<std::size_t>(count));
        std::vector<std::uint8_t> cropped(options.augmentation.any() ? static_cast<std::size_t>(size.pixels()) : 0);
        for (std::int64_t i = 0; i < count; ++i) {
            const std::int64_t sample = order[static_cast<std::size_t>(begin + i)];
            const std::uint8_t* image = data->images.data() + sample * size.pixels();
            if (options.augmentation.any()) {
                const auto draw = draw_crop_flip(options.augmentation, options.seed, static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(sample));
                crop_flip(image, size, options.augmentation, draw, cropped.data());
                image = cropped.data();
            }
            encode(image, size, static_cast<std::uint8_t*>(batch.images.mutable_data()) + i * image_bytes);
            labels[static_cast<std::size_t>(i)] = data->labels[static_cast<std::size_t>(sample)];
        }
        batch.labels = Tensor::from(labels, {count}, Device::cpu());
        return batch;
    }

    void encode(const std::uint8_t* image, const ImageSize& size, std::uint8_t* out) const {
        const int bytes = levels.format().storage_bytes();
        const std::int64_t plane = size.height * size.width;
        for (std::int64_t c = 0; c < size.channels; ++c)
            look_up(image + c * plane, plane, bytes, static_cast<const std::uint8_t*>(levels.data()) + c * 256 * bytes, out + c * plane * bytes);
    }
};

struct BatchStream::State {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Batch> ready;
    std::exception_ptr failure;
    bool done = false, stop = false;
    std::thread thread;

    ~State() {
        {
            const std::lock_guard lock(mutex);
            stop = true;
        }
        changed.notify_all();
        if (thread.joinable()) thread.join();
    }

    void run(std::int64_t first, std::int64_t count, const std::function<Batch(std::int64_t)>& make) {
        try {
            for (std::int64_t index = first; index < count; ++index) {
                Batch batch = make(index);
                std::unique_lock lock(mutex);
                changed.wait(lock, [&] { return stop || ready.size() < ahead; });
                if (stop) return;
                ready.push_back(std::move(batch));
                changed.notify_all();
            }
        } catch (...) {
            const std::lock_guard lock(mutex);
            failure = std::current_exception();
        }
        const std::lock_guard lock(mutex);
        done = true;
        changed.notify_all();
    }
};

BatchStream::BatchStream(std::int64_t first, std::int64_t count, std::function<Batch(std::int64_t)> make) : state_(std::make_unique<State>()) {
    state_->thread = std::thread([state = state_.get(), first, count, make = std::move(make)] { state->run(first, count, make); });
}
BatchStream::BatchStream(BatchStream&&) noexcept = default;
BatchStream::~BatchStream() = default;

std::optional<Batch> BatchStream::next() {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [&] { return !state_->ready.empty() || state_->done; });
    if (state_->ready.empty()) {
        if (state_->failure) std::rethrow_exception(std::exchange(state_->failure, nullptr));
        return {};
    }
    std::optional<Batch> batch(std::move(state_->ready.front()));
    state_->ready.pop_front();
    state_->changed.notify_all();
    return batch;
}

DataLoader::DataLoader(const ImageClassification& data, const DataLoaderOptions& options) : data_(&data), options_(options) {
    data.check();
    if (options.batch_size < 1) throw Error(fmt::format("DataLoader: the batch size is {} (want at least 1)", options.batch_size));
    const ImageSize size = image_size(data);
    const std::int64_t padding = options.augmentation.crop_padding;
    if (padding < 0 || (padding > 0 && padding >= std::min(size.height, size.width)))
        throw Error(fmt::format("DataLoader: the padding of crops does not fit: {} around images of {} x {} (want 0 to {})", padding, size.width, size.height,
                                std::min(size.height, size.width) - 1));
    std::vector<float> levels;
    for (std::int64_t channel = 0; channel < size.channels; ++channel)
        for (int pixel = 0; pixel < 256; ++pixel) levels.push_back(data.normalisation(static_cast<std::uint8_t>(pixel), channel));
    levels_ = Tensor::from(levels, {size.channels, 256}, options.format, Device::cpu());
}

std::int64_t DataLoader::batches() const { return (data_->size() + options_.batch_size - 1) / options_.batch_size; }

std::vector<std::int32_t> DataLoader::order(std::int64_t epoch) const {
    if (!options_.shuffle) {
        std::vector<std::int32_t> order(static_cast<std::size_t>(data_->size()));
        std::iota(order.begin(), order.end(), 0);
        return order;
    }
    const Philox4 key = philox(options_.seed, static_cast<std::uint64_t>(epoch), shuffle_tag);
    Generator generator(key.word[0] | std::uint64_t{key.word[1]} << 32);
    return permutation(data_->size(), generator).to_int32_vector();
}

BatchStream DataLoader::epoch(std::int64_t number, std::int64_t first_batch) const {
    if (number < 0 || first_batch < 0 || first_batch > batches())
        throw Error(fmt::format("DataLoader: no such batch: epoch {}, batch {} (want an epoch from 0, a batch from 0 to {})", number, first_batch, batches()));
    return BatchStream(first_batch, batches(), Maker{data_, levels_, options_, number, order(number)});
}

}  // namespace taper::nn
