// Checks and allocation of matmul and the three convolutions.
#include <algorithm>

#include <fmt/format.h>

#include <taper/core/backend.h>
#include <taper/core/ops.h>
#include <taper/core/random.h>
#include <taper/formats/error.h>

namespace taper::core {

namespace {

// With the draws of the output's rounding, or of the accumulator's, which take two streams.
Epilogue epilogue(const Target& target, const Accumulator& accumulator, Activation activation) {
    Epilogue result{{.mode = target.rounding}, activation == Activation::relu};
    if (target.rounding == Rounding::stochastic || accumulator.draws()) result.draws = {.seed = default_generator().seed(), .stream = default_generator().next_stream()};
    if (accumulator.draws()) default_generator().next_stream();
    return result;
}

struct NamedTensor {
    const char* name;
    const Tensor& tensor;
};

// Every defined operand has values, is on the first one's device, and fits the accumulator.
void check_operands(const char* op, const Accumulator& accumulator, std::initializer_list<NamedTensor> operands) {
    const Device& device = operands.begin()->tensor.device();
    for (const auto& [name, tensor] : operands) {
        if (!tensor.defined()) continue;
        if (tensor.format().is_index()) throw Error(fmt::format("{}: {} holds indices: {} (want a format with arithmetic)", op, name, tensor.format().name()));
        if (tensor.device() != device) {
            throw Error(fmt::format("{}: operands lie on different devices: {} on {}, {} on {}", op, operands.begin()->name, device.name(), name,
                                    tensor.device().name()));
        }
    }
    if (!accumulator.in_float32()) return;
    const bool float64_sums = accumulator.kind() == Accumulator::Kind::float32;  // of operands in float64, for gradient checks
    for (const auto& [name, tensor] : operands) {
        if (!tensor.defined() || tensor.format().exact_in_float32() || (float64_sums && tensor.format() == Format::float64())) continue;
        throw Error(fmt::format("{}: float32 cannot hold {}: {} with accumulator {} (want accumulator float64 or exact)", op, tensor.format().name(), name,
                                accumulator.name()));
    }
}

Target target_of(const char* op, const Output& output, const Tensor& first) {
    const Target target = output.value_or(Target(first.format()));
    if (target.format.is_index()) throw Error(fmt::format("{}: the output holds indices: {} (want a format with arithmetic)", op, target.format.name()));
    return target;
}

void check_rank(const char* op, const char* name, const Shape& shape, const char* wanted) {
    if (shape.rank() != 4) throw Error(fmt::format("{}: {} has {} axes: {} is {} (want {})", op, name, shape.rank(), name, shape.str(), wanted));
}

Shape leading(const Shape& shape) { return Shape(std::vector<std::int64_t>(shape.sizes().begin(), shape.sizes().end() - 2)); }

// Offsets, in matrices, of an operand with leading axes `own` for each matrix of the broadcast leading axes `all`.
std::vector<std::int64_t> batch_offsets(const Shape& own, const Shape& all, std::int64_t matrix) {
    std::vector<std::int64_t> offsets(static_cast<std::size_t>(all.elements()), 0);
    const auto strides = own.strides();
    std::int64_t repeat = 1;
    for (int axis = all.rank() - 1; axis >= 0; --axis) {
        const int own_axis = axis - (all.rank() - own.rank());
        const std::int64_t stride = own_axis < 0 || own[own_axis] == 1 ? 0 : strides[static_cast<std::size_t>(own_axis)] * matrix;
        for (std::size_t i = 0; i < offsets.size(); ++i) offsets[i] += static_cast<std::int64_t>(i) / repeat % all[axis] * stride;
        repeat *= all[axis];
    }
    return offsets;
}

void check_bias(const char* op, const Tensor& bias, std::int64_t outputs, const char* wanted) {
    if (bias.defined() && bias.shape() != Shape{outputs}) {
        throw Error(fmt::format("{}: bias does not fit: bias is {} (want {} = [{}])", op, bias.shape().str(), wanted, outputs));
    }
}

void check_spec(const char* op, const Conv2dSpec& spec) {
    constexpr std::int64_t limit = 1 << 20;
    if (spec.stride < 1) throw Error(fmt::format("{}: stride is not positive: stride is {} (want 1 or more)", op, spec.stride));
    if (spec.padding < 0 || spec.padding > limit)
        throw Error(fmt::format("{}: padding is out of range: padding is {} (want 0 to {})", op, spec.padding, limit));
    if (spec.dilation < 1 || spec.dilation > limit)
        throw Error(fmt::format("{}: dilation is out of range: dilation is {} (want 1 to {})", op, spec.dilation, limit));
    if (spec.groups < 1) throw Error(fmt::format("{}: groups are not positive: groups is {} (want 1 or more)", op, spec.groups));
}

struct ConvShapes {
    Shape x, w, y;
};

// Output sizes of a convolution; throws Error on a spec or kernel that does not fit.
ConvShapes conv_shapes(const char* op, const Shape& x, const Shape& w, const Conv2dSpec& spec) {
    check_rank(op, "x", x, "[N, C, H, W]");
    check_rank(op, "w", w, "[O, C, R, S]");
    check_spec(op, spec);
    if (x[1] % spec.groups != 0 || w[0] % spec.groups != 0) {
        throw Error(fmt::format("{}: groups do not divide the channels: x is {}, w is {}, groups is {} (want a divisor of x[1] and w[0])", op, x.str(), w.str(),
                                spec.groups));
    }
    if (x[1] != w[1] * spec.groups) {
        throw Error(fmt::format("{}: channels differ: x is {}, w is {}, groups is {} (want x[1] == w[1] groups)", op, x.str(), w.str(), spec.groups));
    }
    if (w[2] < 1 || w[3] < 1) throw Error(fmt::format("{}: the kernel is empty: w is {} (want w[2] and w[3] of 1 or more)", op, w.str()));
    const std::int64_t rows = x[2] + 2 * spec.padding - spec.dilation * (w[2] - 1) - 1, columns = x[3] + 2 * spec.padding - spec.dilation * (w[3] - 1) - 1;
    if (rows < 0 || columns < 0) {
        throw Error(fmt::format("{}: the kernel is larger than the padded image: x is {}, w is {}, padding is {}, dilation is {} (want dilation (w[2] - 1) + 1 <= "
                                "x[2] + 2 padding, likewise for columns)",
                                op, x.str(), w.str(), spec.padding, spec.dilation));
    }
    return {x, w, Shape{x[0], w[0], rows / spec.stride + 1, columns / spec.stride + 1}};
}

void check_dy(const char* op, const Tensor& dy, const ConvShapes& shapes) {
    if (dy.shape() != shapes.y) {
        throw Error(
            fmt::format("{}: dy does not fit: dy is {}, x is {}, w is {} (want dy {})", op, dy.shape().str(), shapes.x.str(), shapes.w.str(), shapes.y.str()));
    }
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, const MatmulOptions& options) {
    const Shape &sa = a.shape(), &sb = b.shape();
    if (sa.rank() < 2 || sb.rank() < 2) throw Error(fmt::format("matmul: too few axes: a is {}, b is {} (want 2 or more)", sa.str(), sb.str()));
    const int a_inner = options.transpose_a ? -2 : -1, b_inner = options.transpose_b ? -1 : -2;
    if (sa[a_inner] != sb[b_inner]) {
        throw Error(fmt::format("matmul: inner sizes differ: a is {}, b is {} (want a[{}] == b[{}])", sa.str(), sb.str(), a_inner, b_inner));
    }
    check_operands("matmul", options.accumulator, {{"a", a}, {"b", b}, {"bias", options.bias}});
    Backend::MatmulShape shape{.batch = 1,
                               .m = sa[-3 - a_inner],
                               .n = sb[-3 - b_inner],
                               .k = sa[a_inner],
                               .a_offset = {0},
                               .b_offset = {0},
                               .transpose_a = options.transpose_a,
                               .transpose_b = options.transpose_b};
    check_bias("matmul", options.bias, shape.n, "[N]");
    const Shape batch = broadcast(leading(sa), leading(sb), "matmul");
    auto sizes = batch.sizes();
    sizes.insert(sizes.end(), {shape.m, shape.n});
    const Target target = target_of("matmul", options.output, a);
    Tensor y = Tensor::empty(Shape(sizes), target.format, a.device());
    if (sb.rank() == 2 && !options.transpose_a) {  // one b for all: the batch is more rows
        shape.m *= batch.elements();
    } else {
        shape.batch = batch.elements();
        shape.a_offset = batch_offsets(leading(sa), batch, shape.m * shape.k);
        shape.b_offset = batch_offsets(leading(sb), batch, shape.n * shape.k);
    }
    if (y.elements() > 0)
        backend(a.device()).matmul(shape, options.accumulator, a, b, options.bias, y, epilogue(target, options.accumulator, options.activation));
    return y;
}

Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dSpec& spec, const SumOptions& options) {
    const ConvShapes shapes = conv_shapes("conv2d", x.shape(), w.shape(), spec);
    check_operands("conv2d", options.accumulator, {{"x", x}, {"w", w}, {"bias", bias}});
    check_bias("conv2d", bias, w.size(0), "[O]");
    const Target target = target_of("conv2d", options.output, x);
    Tensor y = Tensor::empty(shapes.y, target.format, x.device());
    if (y.elements() > 0) backend(x.device()).conv2d(spec, options.accumulator, x, w, bias, y, epilogue(target, options.accumulator, options.activation));
    return y;
}

Tensor conv2d_backward_data(const Tensor& dy, const Tensor& w, const Shape& x_shape, const Conv2dSpec& spec, const SumOptions& options, const Tensor& bias) {
    const ConvShapes shapes = conv_shapes("conv2d_backward_data", x_shape, w.shape(), spec);
    check_operands("conv2d_backward_data", options.accumulator, {{"dy", dy}, {"w", w}, {"bias", bias}});
    check_dy("conv2d_backward_data", dy, shapes);
    check_bias("conv2d_backward_data", bias, x_shape[1], "[C]");
    const Target target = target_of("conv2d_backward_data", options.output, dy);
    Tensor dx = Tensor::empty(x_shape, target.format, dy.device());
    if (dx.elements() > 0)
        backend(dy.device()).conv2d_backward_data(spec, options.accumulator, dy, w, bias, dx, epilogue(target, options.accumulator, options.activation));
    return dx;
}

Tensor conv2d_backward_weights(const Tensor& dy, const Tensor& x, const Shape& w_shape, const Conv2dSpec& spec, const SumOptions& options) {
    const ConvShapes shapes = conv_shapes("conv2d_backward_weights", x.shape(), w_shape, spec);
    check_operands("conv2d_backward_weights", options.accumulator, {{"dy", dy}, {"x", x}});
    check_dy("conv2d_backward_weights", dy, shapes);
    const Target target = target_of("conv2d_backward_weights", options.output, dy);
    Tensor dw = Tensor::empty(w_shape, target.format, dy.device());
    if (dw.elements() > 0)
        backend(dy.device()).conv2d_backward_weights(spec, options.accumulator, dy, x, dw, epilogue(target, options.accumulator, options.activation));
    return dw;
}

}  // namespace taper::core
