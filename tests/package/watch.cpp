#include <taper/nn/nn.h>

#include <iomanip>
#include <iostream>

using namespace taper;

int main() {
    auto e4m3 = Format::parse("e4m3"), p8 = Format::posit(8, 2);
    seed(1);
    nn::Sequential model;
    model.emplace<nn::Linear>(64, 32);
    model.emplace<nn::ReLU>();
    model.emplace<nn::Linear>(32, 10);
    model.set_precision({.weights = p8, .activations = p8, .errors = p8, .gradients = e4m3, .forward = Accumulator::exact(), .backward_data = Accumulator::exact(), .backward_weights = Accumulator::exact()});
    nn::Sgd sgd(model.parameters(), {.lr = 0.1});
    Tensor x = randn({16, 64}), labels = Tensor::from(std::vector<std::int32_t>(16, 3), {16});
    nn::Watch watch(model, {.every = 50});
    for (std::int64_t step = 0; step <= 50; ++step) {
        watch.begin_step(step);
        sgd.zero_grad();
        backward(nn::cross_entropy(model(x), labels, model.precision()));
        sgd.step();
    }
    std::cout << "step      kind      name  elements  zeros  saturated  smallest  underflow\n";
    for (const nn::WatchRow& row : watch.take_rows()) {
        if (row.name != "2" && row.name != "2.weight") continue;
        std::cout << std::setw(4) << row.step << std::setw(11) << nn::name(row.kind) << std::setw(9) << row.name << std::setw(10) << row.statistics.elements << std::setw(7) << row.statistics.zeros
                  << std::setw(11) << row.statistics.saturated << std::setw(10) << row.statistics.smallest << std::setw(11) << (row.before ? std::to_string(row.before->underflow) : "-") << "\n";
    }
}
