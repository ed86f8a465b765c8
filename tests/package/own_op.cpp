#include <taper/nn/nn.h>

#include <iostream>

using namespace taper;

// An op of one's own: y = x^3, dx = 3 x^2 dy.  The forward rounds once into x's format; the gradient is computed in float32 on
// decoded values and rounded once into what backward() asks for.
Variable cube(const Variable& x) {
    Tensor wide = x.value().to(Format::float32());
    Tensor y = core::binary(Binary::mul, core::unary(Unary::square, wide), wide, x.format());
    return make_result("cube", y, {x}, [&]() -> GradientFunction {
        return [saved = Saved(x.value())](const Tensor& dy, const std::vector<GradientRequest>& requests) {
            Tensor v = saved.get().to(Format::float32());
            Tensor derivative = core::unary(Unary::scale, core::unary(Unary::square, v), 3);
            return std::vector<Tensor>{core::binary(Binary::mul, derivative, dy.to(Format::float32()), requests[0].target)};
        };
    });
}

// A layer of one's own: y = cube(linear(x)), its parameters named, its formats set by Precision like those of any other layer.
struct CubicLayer : nn::Module {
    nn::Linear linear;
    CubicLayer(std::int64_t in, std::int64_t out) : linear(in, out) { add("linear", linear); }

  protected:
    Variable forward(const Variable& x) override { return cube(linear(x)); }
};

int main() {
    auto p16 = Format::posit(16, 2);
    Variable x = Variable::leaf(Tensor::from({1.0f, -0.5f, 2.0f}, {3}, p16), p16);
    backward(sum(cube(x)));
    std::cout << "d sum(x^3) / dx = " << x.grad().str() << "\n";
    CubicLayer layer(3, 2);
    layer.set_precision({.weights = p16, .activations = p16, .errors = p16, .gradients = p16});
    for (auto& [name, parameter] : layer.parameters()) std::cout << name << " " << parameter->variable.shape().str() << " " << parameter->variable.format().name() << "\n";
}
