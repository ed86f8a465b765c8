#include <taper/nn/recipe_presets.h>

namespace taper::nn {

// Sources: Qtorch+'s Posit-mnist.ipynb, CIFAR10_Posit_Training_Example.ipynb, main-posit.py and its models, cifar100-pytorch.ipynb; PositNN (arXiv 2105.00053).
const std::array<RecipePreset, 10> recipe_presets{{
    {"float32", R"json({"name": "float32"})json"},
    {"posit", R"json({
  "name": "posit",
  "inputs": "posit(8,2)", "weights": "posit(8,2)", "activations": "posit(8,2)", "errors": "posit(8,2)", "gradients": "posit(8,2)",
  "loss": "posit(16,2)", "master": "posit(16,2)", "state": "posit(16,2)"
})json"},
    // A quantizer after each convolution and linear layer; the image and the loss are float32.
    {"qtorch_mnist", R"json({
  "name": "qtorch_mnist",
  "weights": "posit(8,2)", "activations": "posit(8,2)", "errors": "posit(8,2)", "gradients": "posit(8,2)",
  "master": "posit(16,2)", "state": "posit(16,2)"
})json"},
    // Before and after each 3x3 convolution, conv* of PreResNet, but before the first, whose input is float(6,9) as the logits are; behind the last norm and
    // ReLU. Norms, residual sums, 1x1 down-sampling and the mean are float32.
    {"qtorch_cifar10", R"json({
  "name": "qtorch_cifar10",
  "inputs": "float(6,9)", "weights": "posit(8,2)", "gradients": "posit(8,2)", "loss": "float(6,9)", "master": "posit(16,2)", "state": "posit(16,2)",
  "layers": [{"match": "**conv*", "activations": "posit(8,2)", "errors": "posit(8,2)"}, {"match": "bn", "activations": "posit(8,2)", "errors": "posit(8,2)"}],
  "roundings": [{"match": "**.conv*", "slot": "input", "format": "posit(8,2)"}, {"match": "pool", "slot": "input", "format": "float32"}]
})json"},
    // Between convolution and norm: the inputs of convolutions are float32.
    {"qtorch_vgg11", R"json({
  "name": "qtorch_vgg11",
  "weights": "posit(8,1)", "gradients": "posit(8,1)", "master": "posit(16,2)", "state": "posit(16,2)",
  "layers": [{"match": "features.*.conv", "activations": "posit(8,1)", "errors": "posit(8,1)"}]
})json"},
    // Behind the first norm of a block and its ReLU, behind its second norm, between convolution and norm of a shortcut, and at the ends of stages:
    // sums, most blocks' first convolutions, the mean and the logits are float32.
    {"qtorch_resnet18", R"json({
  "name": "qtorch_resnet18",
  "weights": "posit(8,1)", "gradients": "posit(8,1)", "master": "posit(16,2)", "state": "posit(16,2)",
  "layers": [
    {"match": "**bn*", "activations": "posit(8,1)", "errors": "posit(8,1)"},
    {"match": "**.shortcut.0", "activations": "posit(8,1)", "errors": "posit(8,1)"},
    {"match": "", "errors": "posit(8,1)"}
  ],
  "roundings": [{"match": "", "slot": "stage", "format": "posit(8,1)"}, {"match": "pool", "slot": "input", "format": "float32"}]
})json"},
    // What ResNet-9's eight units return, alone: the second convolution of a pair sees float32.
    {"qtorch_cifar100", R"json({
  "name": "qtorch_cifar100",
  "weights": "posit(8,2)", "gradients": "posit(8,2)", "master": "posit(16,2)", "state": "posit(16,2)",
  "layers": [{"match": "", "errors": "posit(8,2)"}, {"match": "res*", "activations": "float32"}],
  "roundings": [{"match": "", "slot": "unit", "format": "posit(8,2)"}]
})json"},
    // Everything in posit(8,2) with quires, but the optimizer (O) and the loss (L).
    {"positnn_o16_l16", R"json({
  "name": "positnn_o16_l16",
  "inputs": "posit(8,2)", "weights": "posit(8,2)", "activations": "posit(8,2)", "errors": "posit(8,2)", "gradients": "posit(8,2)",
  "loss": "posit(16,2)", "master": "posit(16,2)", "state": "posit(16,2)",
  "forward": "exact", "backward_data": "exact", "backward_weights": "exact",
  "step": "fused"
})json"},
    {"positnn_o16_l12", R"json({
  "name": "positnn_o16_l12",
  "inputs": "posit(8,2)", "weights": "posit(8,2)", "activations": "posit(8,2)", "errors": "posit(8,2)", "gradients": "posit(8,2)",
  "loss": "posit(12,2)", "master": "posit(16,2)", "state": "posit(16,2)",
  "forward": "exact", "backward_data": "exact", "backward_weights": "exact",
  "step": "fused"
})json"},
    {"positnn_o12_l12", R"json({
  "name": "positnn_o12_l12",
  "inputs": "posit(8,2)", "weights": "posit(8,2)", "activations": "posit(8,2)", "errors": "posit(8,2)", "gradients": "posit(8,2)",
  "loss": "posit(12,2)", "master": "posit(12,2)", "state": "posit(12,2)",
  "forward": "exact", "backward_data": "exact", "backward_weights": "exact",
  "step": "fused"
})json"},
}};

}  // namespace taper::nn
