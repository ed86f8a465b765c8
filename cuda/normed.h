// NormedResults: which convolutions have results that a norm takes the moments of.  The next time those form them with the result, so that the norm need
// not read it for that; the bits are the same.
#pragma once

#include <list>
#include <mutex>
#include <memory>
#include <optional>

#include <taper/core/norm.h>
#include <taper/cuda/cudnn.h>

namespace taper::cuda {

class NormedResults {
  public:
    explicit NormedResults(Runtime& runtime) : runtime_(runtime) {}

    // Was the last result of these weights normalised?
    bool wanted(const Tensor& weights, ConvDirection direction);
    // y [N, C, ...] is their result; its moments by channel, where they were formed with it.
    void produced(const Tensor& weights, ConvDirection direction, const Tensor& y, std::optional<core::Moments> moments);
    // A norm asks for the moments of x.
    std::optional<core::Moments> take(const Tensor& x);

  private:
    static constexpr std::size_t most = 256;  // products that are remembered
    struct Product {
        std::weak_ptr<const Storage> weights;
        ConvDirection direction;
        bool normed = false;
        std::weak_ptr<const Storage> y;
        std::uint64_t version = 0;
        Shape shape = {};
        std::optional<core::Moments> moments = {};
    };

    Runtime& runtime_;
    std::mutex mutex_;  // within a turn, since moments that go release their memory
    std::list<Product> products_;  // the last first
};

}  // namespace taper::cuda
