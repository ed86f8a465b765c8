// Embedding: a table of rows, looked up by index.
#pragma once

#include <cstdint>
#include <optional>

#include <taper/core/random.h>
#include <taper/nn/module.h>

namespace taper::nn {

// y[.., :] = weight[x[..], :]: codes are copied, nothing is rounded; y is in the weights' format.
//   x int32 [..] in [0, count), weight [count, width] -> y [.., width]; the gradient of y is rounded into `errors`, that of a row is the float64 sum
//   over its uses.  Weight starts as N(0, 1), PyTorch's default; the row `padding_index` as 0, and its gradient is 0.
//   As the first layer it reads indices: the root's input slot leaves them as they are.
class Embedding : public Module {
  public:
    Embedding(std::int64_t count, std::int64_t width, std::optional<std::int64_t> padding_index = {}, Generator& generator = default_generator());
    Parameter& weight() { return weight_; }

  protected:
    Variable forward(const Variable& x) override;

  private:
    std::optional<std::int64_t> padding_index_;
    Parameter& weight_;
};

}  // namespace taper::nn
