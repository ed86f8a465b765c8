#include <taper/autograd/functions.h>
#include <taper/formats/error.h>

namespace taper {

namespace {

// The index of a row [n, 1], seen once for each of its D elements.
Tensor of_elements(const Tensor& index, std::int64_t width) { return core::broadcast_to(index.reshape({-1, 1}), {index.elements(), width}); }

// dweight with zeros in one row.
Tensor without_row(const Tensor& dweight, std::int64_t row) {
    const Tensor zeros = Tensor::zeros({1, dweight.size(1)}, dweight.format(), dweight.device());
    const std::vector<Tensor> parts{core::slice(dweight, 0, 0, row), zeros, core::slice(dweight, 0, row + 1, dweight.size(0))};
    return core::concatenate(parts, 0);
}

}  // namespace

// weight [V, D], index int32 [..] -> y [.., D];  dweight[v] = sum of the rows of dy whose index is v, in their order.
Variable embedding(const Variable& weight, const Tensor& index, std::optional<std::int64_t> padding_index) {
    if (weight.value().rank() != 2) throw Error("embedding: weight has other axes: weight is " + weight.shape().str() + " (want [V, D])");
    if (!index.defined() || index.format() != Format::int32()) {
        throw Error("embedding: the index does not fit: " + (index.defined() ? index.format().name() : "nothing") + " came (want int32)");
    }
    if (padding_index && (*padding_index < 0 || *padding_index >= weight.size(0))) {
        throw Error("embedding: padding_index is out of range: " + std::to_string(*padding_index) + " (want less than " + std::to_string(weight.size(0)) + ")");
    }
    std::vector<std::int64_t> sizes = index.shape().sizes();
    sizes.push_back(weight.size(1));
    const Tensor y = core::gather(weight.value(), 0, of_elements(index, weight.size(1))).reshape(Shape(std::move(sizes)));
    return make_result("embedding", y, {weight}, [&]() -> GradientFunction {
        return [=, saved = Saved(index), shape = weight.shape()](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            const Tensor elements = of_elements(saved.get(), shape[1]);
            const Tensor dweight = core::gather_backward(dy.reshape(elements.shape()), 0, elements, shape, requests[0].target);
            return {padding_index ? without_row(dweight, *padding_index) : dweight};
        };
    });
}

}  // namespace taper
