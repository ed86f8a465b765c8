#include <taper/nn/nn.h>

#include <iomanip>
#include <iostream>

int main() {
    auto p8 = taper::Format::posit(8, 2), p16 = taper::Format::posit(16, 2);
    taper::seed(1);
    taper::Tensor a = taper::randn({2, 4}).to(p8);  // one byte per element
    std::cout << a.str() << "\n" << taper::core::matmul(a, a, {.transpose_b = true, .accumulator = taper::Accumulator::exact()}).str() << "\n";
    auto model = taper::nn::LeNet5();
    model.set_precision({.inputs = p8, .weights = p8, .activations = p8, .errors = p8, .gradients = p8, .loss = p16, .master = p16, .state = p16});
    taper::Variable logits = model(taper::randn({64, 1, 28, 28}));
    taper::Variable loss = taper::nn::cross_entropy(logits, taper::Tensor::from(std::vector<std::int32_t>(64, 3), {64}), model.precision());
    taper::backward(loss);
    taper::Tensor dw = model.parameters().front().second->variable.grad();
    std::cout << std::setprecision(3) << "loss " << loss.value().item() << ", conv1.weight's gradient: " << dw.bytes() << " bytes of " << dw.format().name() << "\n";
}
