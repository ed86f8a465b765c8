#include <taper/nn/models/models.h>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/models/lenet5.h>
#include <taper/nn/models/mnist_cnn.h>
#include <taper/nn/models/preresnet.h>
#include <taper/nn/models/resnet.h>
#include <taper/nn/models/resnet9.h>
#include <taper/nn/models/vgg.h>

namespace taper::nn {
namespace {

using Made = std::unique_ptr<Module>;

template <class Model>
Made make_small(std::int64_t classes, Generator& generator) {
    return std::make_unique<Model>(generator, classes);
}
template <int depth>
Made make_preresnet(std::int64_t classes, Generator& generator) {
    return std::make_unique<PreResNet>(PreResNetOptions{.depth = depth, .classes = classes}, generator);
}
template <int depth>
Made make_resnet(std::int64_t classes, Generator& generator) {
    return std::make_unique<ResNet>(depth == 18 ? resnet18(classes) : plain_resnet(depth, classes), generator);
}
template <int depth>
Made make_vgg(std::int64_t classes, Generator& generator) {
    return std::make_unique<Vgg>(VggOptions{.depth = depth, .classes = classes}, generator);
}
Made make_resnet9(std::int64_t classes, Generator& generator) { return std::make_unique<ResNet9>(classes, generator); }

}  // namespace

// Sources of the normalisations: LeNet-5's is Fashion-MNIST's, mnist_cnn's MNIST's; preresnet*, resnet18 and vgg* as in Qtorch+'s runs on CIFAR-10, whose
// deviations are means over images; resnet20 to resnet56 ImageNet's, as their published weights want; resnet9 as in Qtorch+'s runs on CIFAR-100.
const std::vector<ModelEntry>& model_table() {
    const Shape grey{1, 28, 28}, colour{3, 32, 32};
    const std::vector<float> cifar_mean{0.4914f, 0.4822f, 0.4465f}, cifar_deviation{0.2023f, 0.1994f, 0.2010f};
    const std::vector<float> imagenet_mean{0.485f, 0.456f, 0.406f}, imagenet_deviation{0.229f, 0.224f, 0.225f};
    static const std::vector<ModelEntry> table{
        {"lenet5", grey, 10, 61706, {0.2860f}, {0.3530f}, make_small<LeNet5>},
        {"mnist_cnn", grey, 10, 21840, {0.1307f}, {0.3081f}, make_small<MnistCnn>},
        {"preresnet20", colour, 10, 272282, cifar_mean, cifar_deviation, make_preresnet<20>},
        {"preresnet32", colour, 10, 466714, cifar_mean, cifar_deviation, make_preresnet<32>},
        {"preresnet56", colour, 10, 855578, cifar_mean, cifar_deviation, make_preresnet<56>},
        {"resnet20", colour, 10, 269722, imagenet_mean, imagenet_deviation, make_resnet<20>},
        {"resnet32", colour, 10, 464154, imagenet_mean, imagenet_deviation, make_resnet<32>},
        {"resnet44", colour, 10, 658586, imagenet_mean, imagenet_deviation, make_resnet<44>},
        {"resnet56", colour, 10, 853018, imagenet_mean, imagenet_deviation, make_resnet<56>},
        {"resnet18", colour, 10, 11173962, cifar_mean, cifar_deviation, make_resnet<18>},
        {"resnet9", colour, 100, 30441528, {0.5071f, 0.4865f, 0.4409f}, {0.2009f, 0.1984f, 0.2023f}, make_resnet9},
        {"vgg11", colour, 10, 9231114, cifar_mean, cifar_deviation, make_vgg<11>},
        {"vgg16", colour, 10, 14728266, cifar_mean, cifar_deviation, make_vgg<16>},
    };
    return table;
}

const ModelEntry& find_model(const std::string& name) {
    std::string names;
    for (const ModelEntry& entry : model_table()) {
        if (name == entry.name) return entry;
        names += std::string(names.empty() ? "" : ", ") + entry.name;
    }
    throw Error(fmt::format("find_model: no such model: {} (want one of {})", name, names));
}

std::unique_ptr<Module> make_model(const std::string& name, std::int64_t classes, Generator& generator) {
    const ModelEntry& entry = find_model(name);
    if (classes < 1) throw Error(fmt::format("make_model: no classes: {} (want 1 or more)", classes));
    return entry.make(classes, generator);
}

}  // namespace taper::nn
