#include <taper/cuda/normed.h>

#include <algorithm>

#include <taper/core/storage.h>
#include <taper/cuda/decoded.h>

namespace taper::cuda {

bool NormedResults::wanted(const Tensor& weights, ConvDirection direction) {
    const Runtime::Turn turn = runtime_.turn();
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::any_of(products_.begin(), products_.end(),
                       [&](const Product& p) { return p.normed && p.direction == direction && same_storage(p.weights, weights.storage()); });
}

void NormedResults::produced(const Tensor& weights, ConvDirection direction, const Tensor& y, std::optional<core::Moments> moments) {
    const Runtime::Turn turn = runtime_.turn();
    const std::lock_guard<std::mutex> lock(mutex_);
    products_.remove_if([&](const Product& p) { return p.weights.expired() || (p.direction == direction && same_storage(p.weights, weights.storage())); });
    products_.push_front({weights.storage(), direction, false, y.storage(), y.version(), y.shape(), std::move(moments)});
    if (products_.size() > most) products_.pop_back();
}

std::optional<core::Moments> NormedResults::take(const Tensor& x) {
    const Runtime::Turn turn = runtime_.turn();
    const std::lock_guard<std::mutex> lock(mutex_);
    for (Product& p : products_) {
        if (!same_storage(p.y, x.storage()) || p.version != x.version() || p.shape != x.shape()) continue;
        p.normed = true;
        return std::exchange(p.moments, std::nullopt);
    }
    return std::nullopt;
}

}  // namespace taper::cuda
