#include <taper/autograd/functions.h>
#include <taper/autograd/support.h>

namespace taper {

namespace {

// The product of two batches of matrices, summed over the batch axes that `shape` lacks or has as 1, rounded once.
Tensor product_to(const Tensor& a, const Tensor& b, core::MatmulOptions options, const Shape& shape, const Shape& full, const Target& target) {
    if (shape == full) {
        options.output = target;
        return core::matmul(a, b, options);
    }
    options.output = Target(autograd::compute_format({a.format(), b.format(), target.format}));
    return core::sum_to(core::matmul(a, b, options), shape, target);
}

Shape with_batch_of(const Shape& batch, const Shape& matrix) {
    std::vector<std::int64_t> sizes = batch.sizes();
    sizes[sizes.size() - 2] = matrix[-2];
    sizes[sizes.size() - 1] = matrix[-1];
    return Shape(std::move(sizes));
}

}  // namespace

// a [.., M, K], b [.., K, N] -> y [.., M, N];  da = dy b^T,  db = a^T dy.
Variable matmul(const Variable& a, const Variable& b, const ProductOptions& options) {
    const Tensor y = core::matmul(a.value(), b.value(), {.accumulator = options.forward, .output = options.output, .activation = options.activation});
    return make_result("matmul", y, {a, b}, [&]() -> GradientFunction {
        const Saved saved_a = b.requires_grad() ? Saved(a.value()) : Saved();
        const Saved saved_b = a.requires_grad() ? Saved(b.value()) : Saved();
        const autograd::ActivationGradient before(options.activation, y);
        return [=, a_shape = a.shape(), b_shape = b.shape()](const Tensor& dy_in, const std::vector<GradientRequest>& requests) {
            const Tensor dy = before(dy_in);
            std::vector<Tensor> gradients(2);
            if (requests[0].needed) {
                gradients[0] = product_to(dy, saved_b.get(), {.transpose_b = true, .accumulator = options.backward_data}, a_shape,
                                          with_batch_of(dy.shape(), a_shape), requests[0].target);
            }
            if (requests[1].needed) {
                const core::MatmulOptions product{.transpose_a = true, .accumulator = options.backward_weights};
                const bool one_matrix = b_shape.rank() == 2;  // then the batch is part of the one sum over rows
                gradients[1] = one_matrix ? product_to(autograd::rows_of(saved_a.get()), autograd::rows_of(dy), product, b_shape, b_shape, requests[1].target)
                                          : product_to(saved_a.get(), dy, product, b_shape, with_batch_of(dy.shape(), b_shape), requests[1].target);
            }
            return gradients;
        };
    });
}

}  // namespace taper
