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

template <class Code>
void look_up(const std::uint8_t* pixels, std::int64_t count, const void* levels, void* out) {
    const Code* table = static_cast<const Code*>(levels);
    for (std::int64_t i = 0; i < count; ++i) static_cast<Code*>(out)[i] = table[pixels[i]];
}

void look_up(const std::uint8_t* pixels, std::int64_t count, const Tensor& levels, std::int64_t offset, Tensor& out) {
    const int bytes = levels.format().storage_bytes();
    void* to = static_cast<std::uint8_t*>(out.mutable_data()) + offset * bytes;
    switch (bytes) {
        case 1:
            return look_up<std::uint8_t>(pixels, count, levels.data(), to);
        case 2:
            return look_up<std::uint16_t>(pixels, count, levels.data(), to);
        case 4:
            return look_up<std::uint32_t>(pixels, count, levels.data(), to);
        default:
            return look_up<std::uint64_t>(pixels, count, levels.data(), to);
    }
}

Batch make_batch(const ImageClassification& data, const Tensor& levels, const std::vector<std::int32_t>& order, std::int64_t index, std::int64_t batch_size) {
    const std::int64_t begin = index * batch_size, count = std::min(batch_size, data.size() - begin);
    const std::int64_t pixels = data.shape[1] * data.shape[2] * data.shape[3];
    Batch batch{Tensor::empty({count, data.shape[1], data.shape[2], data.shape[3]}, levels.format()), {}, index};
    std::vector<std::int32_t> labels(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t sample = order[static_cast<std::size_t>(begin + i)];
        look_up(data.images.data() + sample * pixels, pixels, levels, i * pixels, batch.images);
        labels[static_cast<std::size_t>(i)] = data.labels[static_cast<std::size_t>(sample)];
    }
    batch.labels = Tensor::from(labels, {count});
    return batch;
}

}  // namespace

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
    std::vector<float> levels(256);
    for (int pixel = 0; pixel < 256; ++pixel) levels[static_cast<std::size_t>(pixel)] = data.normalisation(static_cast<std::uint8_t>(pixel));
    levels_ = Tensor::from(levels, {256}, options.format);
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
    return BatchStream(first_batch, batches(), [data = data_, levels = levels_, order = order(number), size = options_.batch_size](std::int64_t index) {
        return make_batch(*data, levels, order, index, size);
    });
}

}  // namespace taper::nn
