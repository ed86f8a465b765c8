#include <taper/nn/nn.h>
#include <taper/train/app.h>

using namespace taper;

// y = fc2(ReLU(fc1(x))) over all pixels of an image; x [N, C, H, W] -> logits [N, classes].
struct TwoLayers : nn::Module {
    nn::Linear fc1, fc2;
    TwoLayers(const nn::ImageClassification& images, Generator& generator)
        : fc1(images.shape.elements() / images.size(), 100, nn::Bias::yes, generator), fc2(100, images.classes, nn::Bias::yes, generator) {
        add("fc1", fc1);
        add("fc2", fc2);
    }

  protected:
    Variable forward(const Variable& x) override { return fc2(relu(fc1(reshape(x, {x.size(0), -1})))); }
};

// A training program with all options of lenet and resnet: two_layers --data mnist --posit --optimizer adam --save run.st --plot curves.png
int main(int argc, char** argv) {
    train::App app{.name = "two_layers", .description = "Trains two layers, each role of the training in a number format of your choice."};
    app.defaults.batch = 32;
    app.models = {{.name = "two_layers", .description = "100 units between them", .make = [](const nn::ImageClassification& images, Generator& generator) {
                       return std::make_unique<TwoLayers>(images, generator);
                   }}};
    return train::main(argc, argv, app);
}
