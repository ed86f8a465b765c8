// DataLoader: batches of an image set, on the CPU, shuffled and augmented by seed, made ahead in a background thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <taper/core/tensor.h>
#include <taper/nn/data/augment.h>
#include <taper/nn/data/images.h>

namespace taper::nn {

struct Batch {
    Tensor images;           // [B, C, H, W]
    Tensor labels;           // int32 [B]
    std::int64_t index = 0;  // within its epoch
};

// Batches first .. count - 1, made in order by one background thread, at most two ahead.  What a batch holds does not depend on timing.
// Destroying it in the middle stops the thread and joins it.
class BatchStream {
  public:
    // `make` is called in the background thread; an exception of it is rethrown by next().
    BatchStream(std::int64_t first, std::int64_t count, std::function<Batch(std::int64_t)> make);
    BatchStream(BatchStream&&) noexcept;
    ~BatchStream();

    std::optional<Batch> next();  // empty after the last one, or after an exception

    // For range-for: `for (const Batch& batch : loader.epoch(3))`.
    struct End {};
    class Iterator {
      public:
        explicit Iterator(BatchStream& stream) : stream_(&stream), batch_(stream.next()) {}
        const Batch& operator*() const { return *batch_; }
        Iterator& operator++() {
            batch_.reset();
            batch_ = stream_->next();
            return *this;
        }
        bool operator!=(End) const { return batch_.has_value(); }

      private:
        BatchStream* stream_;
        std::optional<Batch> batch_;
    };
    Iterator begin() { return Iterator(*this); }
    End end() const { return {}; }

  private:
    struct State;
    std::unique_ptr<State> state_;
};

struct DataLoaderOptions {
    std::int64_t batch_size = 64;
    bool shuffle = true;
    std::uint64_t seed = 0;          // the order of an epoch depends on (seed, epoch) alone
    Format format = {};              // of the images, rounded to nearest after the normalisation in float32
    Augmentation augmentation = {};  // before the normalisation; depends on (seed, epoch, sample) alone
};

class DataLoader {
  public:
    // `data` must outlive the loader and its streams.  Throws Error on an empty batch size, a crop's padding that is not less than
    // the images' height and width, or what data.check() refuses.
    DataLoader(const ImageClassification& data, const DataLoaderOptions& options = {});
    std::int64_t batches() const;  // an epoch; the last one may be smaller
    // The batches of an epoch (counted from 0) from `first_batch` on.
    BatchStream epoch(std::int64_t number, std::int64_t first_batch = 0) const;
    // The order of the samples of an epoch: a permutation of 0 .. N-1, or 0 .. N-1 itself without shuffling.
    std::vector<std::int32_t> order(std::int64_t epoch) const;

  private:
    struct Maker;
    const ImageClassification* data_;
    DataLoaderOptions options_;
    Tensor levels_;  // [C, 256]: pixel -> number in options_.format
};

}  // namespace taper::nn
