// vgg: trains VGG networks on CIFAR-10 or other images, with each role of the training in a number format of one's choice.
#include <taper/train/app.h>

namespace {

using namespace taper;

const char* const examples =
    R"text(  vgg --data cifar10                                  VGG-11 in float32, twenty epochs
  vgg --data cifar10 --precision qtorch_vgg11         the same in posit(8,1), as Qtorch+ rounds it
  vgg --data cifar10 --model vgg16 --posit --loss-scale 1024 --augment
  vgg --data cifar10 --compare --posit --epochs 3 --csv vgg.csv --plot vgg.png
                                                      float32 and 8-bit posits side by side, a table and a plot of the curves
  vgg --data cifar10 --posit --save run.st --save-every 50
                                                      continue later, bit for bit, with --resume run.st
)text";

}  // namespace

int main(int argc, char** argv) {
    train::App app{.name = "vgg",
                   .description = "Trains VGG networks on CIFAR-10 or other images, each role of the training in a number format of your choice.",
                   .examples = examples};
    app.defaults.epochs = 20;
    app.defaults.batch = 256;
    app.defaults.optimizer = {.lr = 0.1, .momentum = 0.9, .weight_decay = 5e-4};
    app.defaults.schedule.kind = train::ScheduleKind::cosine;
    app.models = train::find_models({"vgg11", "vgg16"});
    return train::main(argc, argv, app);
}
