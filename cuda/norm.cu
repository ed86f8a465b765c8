// Batch, group and layer norm: moments and sums in the contract's order in float64, gradients in the compute type.
#include <cmath>

#include <taper/core/running.h>
#include <taper/cuda/backend.h>
#include <taper/cuda/divisor.h>
#include <taper/cuda/element_io.h>
#include <taper/cuda/moments.h>
#include <taper/cuda/put_each.h>

namespace taper::cuda {

namespace {

// Which elements of x [n, c, s] share a mean: a channel of the batch, or C / G channels of one sample (core/cpu/norm_shape.h).
struct NormShape {
    std::int64_t n, groups;
    Divisor c, s, row;  // row: elements of a group of one sample

    NormShape(const Shape& x, const core::NormSpec& spec)
        : n(x[0]), groups(spec.groups), c(x[1]), s(x.elements() / (x[0] * x[1])), row(groups == 0 ? 1 : x[1] / groups * s) {}
    TAPER_FN bool by_channel() const { return groups == 0; }
    std::int64_t count() const { return by_channel() ? std::int64_t{c} : n * groups; }
    std::int64_t length() const { return by_channel() ? n * s : std::int64_t{row}; }
    TAPER_FN std::int64_t at(std::int64_t group, std::int64_t k) const {
        if (!by_channel()) return group * row + k;
        const std::int64_t sample = k / s;
        return (sample * c + group) * s + (k - sample * s);
    }
    TAPER_FN std::int64_t channel(std::int64_t i) const { return i / s % c; }
    TAPER_FN std::int64_t group(std::int64_t i) const { return by_channel() ? channel(i) : i / row; }
};

template <class T>
struct MomentTerm {  // d and d^2, d = x - the group's first element
    NormShape z;
    Input x;
    TAPER_FN TwoSums operator()(std::int64_t group, std::int64_t k) const {
        const double d = static_cast<double>(x.at<T>(z.at(group, k))) - static_cast<double>(x.at<T>(z.at(group, 0)));
        return {d, d * d};
    }
};
template <class T>
struct ChannelTerm {  // dy and dy (x - mean)
    NormShape z;
    Input dy, x;
    const double* mean;
    TAPER_FN TwoSums operator()(std::int64_t channel, std::int64_t k) const {
        const std::int64_t i = z.at(channel, k);
        const double g = static_cast<double>(dy.at<T>(i));
        return {g, g * (static_cast<double>(x.at<T>(i)) - mean[channel])};
    }
};
template <class T>
struct SampleTerm {  // of column (c, s): dy and dy ((x - mean) k) of sample n
    NormShape z;
    Input dy, x;
    const double *mean, *k;
    TAPER_FN TwoSums operator()(std::int64_t column, std::int64_t sample) const {
        const std::int64_t i = sample * z.c * z.s + column, group = z.group(i);
        const double g = static_cast<double>(dy.at<T>(i));
        return {g, g * ((static_cast<double>(x.at<T>(i)) - mean[group]) * k[group])};
    }
};
template <class T>
struct WeightedTerm {  // dy w and dy w (x - mean) over a row
    NormShape z;
    Input dy, x;
    const double *mean, *weight;
    TAPER_FN TwoSums operator()(std::int64_t group, std::int64_t k) const {
        const std::int64_t i = z.at(group, k);
        const double g = static_cast<double>(dy.at<T>(i)) * weight[z.channel(i)];
        return {g, g * (static_cast<double>(x.at<T>(i)) - mean[group])};
    }
};
struct PlaneTerm {  // sums of one channel over its S columns
    const TwoSums* columns;
    std::int64_t s;
    TAPER_FN TwoSums operator()(std::int64_t channel, std::int64_t k) const { return columns[channel * s + k]; }
};

template <class T>
void write_moments(Runtime& runtime, const NormShape z, const Input x, const TwoSums* sums, double* mean, double* variance) {
    const double n = static_cast<double>(z.length());
    for_each(runtime, z.count(), TAPER_BODY(std::int64_t group) {
        const TwoSums sum = sums[group];
        const double spread = (sum.q - sum.s * sum.s / n) / n;
        mean[group] = static_cast<double>(x.at<T>(z.at(group, 0))) + sum.s / n;
        variance[group] = spread < 0 ? 0 : spread;
    });
}

// The constants of a norm as float64: k = 1 / sqrt(variance + eps), weight and bias of each channel.
struct Affine {
    const double *mean, *variance;
    Buffer<double> k, weight, bias;
    Affine(Runtime& runtime, const NormShape& z, const core::Moments& moments, const Tensor& w, const Tensor& b, double eps);
};

void fill_affine(Runtime& runtime, std::int64_t groups, std::int64_t channels, const double* variance, double eps, const Input weight, const Input bias, double* k,
                 double* w, double* b) {
    for_each(runtime, groups > channels ? groups : channels, TAPER_BODY(std::int64_t i) {
        if (i < groups) k[i] = 1 / std::sqrt(variance[i] + eps);
        if (i >= channels) return;
        w[i] = weight.codes != nullptr ? weight.at<double>(i) : 1;
        b[i] = bias.codes != nullptr ? bias.at<double>(i) : 0;
    });
}

Affine::Affine(Runtime& runtime, const NormShape& z, const core::Moments& moments, const Tensor& w, const Tensor& b, double eps)
    : mean(static_cast<const double*>(moments.mean.data())), variance(static_cast<const double*>(moments.variance.data())), k(runtime, z.count()),
      weight(runtime, z.c), bias(runtime, z.c) {
    fill_affine(runtime, z.count(), z.c, variance, eps, w.defined() ? Input(runtime, w) : Input(), b.defined() ? Input(runtime, b) : Input(), k.data(),
                weight.data(), bias.data());
}

template <class T>
void norm_each(Runtime& runtime, std::int64_t elements, const NormShape z, const Input x, const double* mean, const double* k, const double* weight,
               const double* bias, const Result y) {
    put_each<T>(runtime, elements, y, TAPER_BODY(std::int64_t i) {
        const std::int64_t group = z.group(i), channel = z.channel(i);
        return (static_cast<double>(x.at<T>(i)) - mean[group]) * (k[group] * weight[channel]) + bias[channel];
    });
}

// The means of the gradient, times k^2 for the second: over rows from their sums, over channels from dbias and dweight.
void row_means_each(Runtime& runtime, std::int64_t count, double length, const double* k, TwoSums* sums) {
    for_each(runtime, count, TAPER_BODY(std::int64_t i) { sums[i] = {sums[i].s / length, sums[i].q / length * (k[i] * k[i])}; });
}
void channel_means_each(Runtime& runtime, std::int64_t count, double n, const double* k, const double* weight, const double* dweight, const double* dbias,
                        TwoSums* means) {
    for_each(runtime, count, TAPER_BODY(std::int64_t c) {
        means[c] = dweight == nullptr ? TwoSums{} : TwoSums{weight[c] * (dbias[c] / n), weight[c] * (dweight[c] / n) * k[c]};
    });
}

template <class T>
void gradient_each(Runtime& runtime, std::int64_t elements, const NormShape z, const Input dy, const Input x, const double* mean, const double* k,
                   const double* weight, const TwoSums* means, const Result dx) {
    put_each<T>(runtime, elements, dx, TAPER_BODY(std::int64_t i) {
        const std::int64_t group = z.group(i);
        const T shift = static_cast<T>(means[group].s), slope = static_cast<T>(means[group].q), w = static_cast<T>(weight[z.channel(i)]);
        return static_cast<T>(k[group]) * (dy.at<T>(i) * w - shift - (x.at<T>(i) - static_cast<T>(mean[group])) * slope) + T(0);  // no -0
    });
}

void write_channel_sums(Runtime& runtime, std::int64_t count, const TwoSums* sums, const double* k, double* dweight, double* dbias) {
    for_each(runtime, count, TAPER_BODY(std::int64_t c) {
        dweight[c] = k == nullptr ? sums[c].q : sums[c].q * k[c];
        dbias[c] = sums[c].s;
    });
}

bool fit_float32(std::initializer_list<Format> formats) {
    return std::all_of(formats.begin(), formats.end(), [](const Format& f) { return f.exact_in_float32(); });
}

template <class T>
void moments_in(Runtime& runtime, const NormShape& z, const Tensor& x, core::Moments& moments) {
    const Input in(runtime, x);
    const Buffer<TwoSums> sums = ordered_sums<TwoSums>(runtime, z.count(), z.length(), MomentTerm<T>{z, in});
    write_moments<T>(runtime, z, in, sums.data(), static_cast<double*>(moments.mean.mutable_data()), static_cast<double*>(moments.variance.mutable_data()));
}

template <class T>
Buffer<TwoSums> weight_sums(Runtime& runtime, const NormShape& z, const Affine& a, const Input& dy, const Input& x) {
    if (z.by_channel()) return ordered_sums<TwoSums>(runtime, z.c, z.length(), ChannelTerm<T>{z, dy, x, a.mean});
    const Buffer<TwoSums> columns = ordered_sums<TwoSums>(runtime, z.c * z.s, z.n, SampleTerm<T>{z, dy, x, a.mean, a.k.data()});
    return ordered_sums<TwoSums>(runtime, z.c, z.s, PlaneTerm{columns.data(), z.s});
}

template <class T>
Buffer<TwoSums> gradient_means(Runtime& runtime, const NormShape& z, const Affine& a, const Input& dy, const Input& x, const core::NormSums& sums) {
    if (!z.by_channel()) {
        Buffer<TwoSums> means = ordered_sums<TwoSums>(runtime, z.count(), z.row, WeightedTerm<T>{z, dy, x, a.mean, a.weight.data()});
        row_means_each(runtime, z.count(), static_cast<double>(std::int64_t{z.row}), a.k.data(), means.data());
        return means;
    }
    Buffer<TwoSums> means(runtime, z.c);
    const bool given = sums.dweight.defined();
    channel_means_each(runtime, z.c, static_cast<double>(z.n * z.s), a.k.data(), a.weight.data(), given ? static_cast<const double*>(sums.dweight.data()) : nullptr,
                       given ? static_cast<const double*>(sums.dbias.data()) : nullptr, means.data());
    return means;
}

void move_each(Runtime& runtime, std::int64_t n, float* running, const double* value, double share, double factor) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) {
        running[i] = moved_running(running[i], value[i], share, factor);
    });
}

}  // namespace

void CudaBackend::move_running(Tensor& running, const Tensor& value, double share, double factor) {
    move_each(runtime_, value.elements(), static_cast<float*>(running.mutable_data()), static_cast<const double*>(value.data()), share, factor);
}

void moments_of_lanes(Runtime& runtime, const Tensor& x, const TwoSums* lanes, core::Moments& moments) {
    const NormShape z(x.shape(), {});
    const Buffer<TwoSums> sums(runtime, z.count());
    add_lanes_and_blocks(runtime, z.count(), blocks_of(z.length()), lanes, sums.data());
    write_moments<float>(runtime, z, Input(runtime, x), sums.data(), static_cast<double*>(moments.mean.mutable_data()),
                         static_cast<double*>(moments.variance.mutable_data()));
}

void CudaBackend::norm_moments(const core::NormSpec& spec, const Tensor& x, core::Moments& moments) {
    if (spec.groups == 0) {
        if (std::optional<core::Moments> formed = normed_.take(x)) {
            moments = *std::move(formed);
            return;
        }
    }
    const NormShape z(x.shape(), spec);
    if (fit_float32({x.format()}))
        moments_in<float>(runtime_, z, x, moments);
    else
        moments_in<double>(runtime_, z, x, moments);
}

void CudaBackend::norm(const core::NormSpec& spec, const Tensor& x, const core::Moments& moments, const Tensor& weight, const Tensor& bias, Tensor& y,
                       const Epilogue& epilogue) {
    const NormShape z(x.shape(), spec);
    const Affine a(runtime_, z, moments, weight, bias, spec.eps);
    const Input in(runtime_, x);
    const Result out(runtime_, y, epilogue);
    if (fit_float32({x.format()}))
        norm_each<float>(runtime_, x.elements(), z, in, a.mean, a.k.data(), a.weight.data(), a.bias.data(), out);
    else
        norm_each<double>(runtime_, x.elements(), z, in, a.mean, a.k.data(), a.weight.data(), a.bias.data(), out);
    finish(epilogue, y);
}

void CudaBackend::norm_backward_weights(const core::NormSpec& spec, const Tensor& dy, const Tensor& x, const core::Moments& moments, core::NormSums& sums) {
    const NormShape z(x.shape(), spec);
    const Affine a(runtime_, z, moments, {}, {}, spec.eps);
    const Input dy_in(runtime_, dy), x_in(runtime_, x);
    const Buffer<TwoSums> found =
        fit_float32({x.format(), dy.format()}) ? weight_sums<float>(runtime_, z, a, dy_in, x_in) : weight_sums<double>(runtime_, z, a, dy_in, x_in);
    write_channel_sums(runtime_, z.c, found.data(), z.by_channel() ? a.k.data() : nullptr, static_cast<double*>(sums.dweight.mutable_data()),
                       static_cast<double*>(sums.dbias.mutable_data()));
}

void CudaBackend::norm_backward_data(const core::NormSpec& spec, const Tensor& dy, const Tensor& x, const core::Moments& moments, const Tensor& weight,
                                     const core::NormSums& sums, Tensor& dx, const RoundingMode& mode) {
    const NormShape z(x.shape(), spec);
    const Affine a(runtime_, z, moments, weight, {}, spec.eps);
    const Input dy_in(runtime_, dy), x_in(runtime_, x);
    const Result out(runtime_, dx, mode);
    if (fit_float32({x.format(), dy.format(), dx.format(), weight.defined() ? weight.format() : Format::float32()})) {
        const Buffer<TwoSums> means = gradient_means<float>(runtime_, z, a, dy_in, x_in, sums);
        gradient_each<float>(runtime_, dx.elements(), z, dy_in, x_in, a.mean, a.k.data(), a.weight.data(), means.data(), out);
    } else {
        const Buffer<TwoSums> means = gradient_means<double>(runtime_, z, a, dy_in, x_in, sums);
        gradient_each<double>(runtime_, dx.elements(), z, dy_in, x_in, a.mean, a.k.data(), a.weight.data(), means.data(), out);
    }
}

}  // namespace taper::cuda
