// resnet: trains residual networks on CIFAR-10 or other images, with each role of the training in a number format of one's choice.
#include <taper/train/app.h>

namespace {

using namespace taper;

const char* const examples =
    R"text(  resnet --data cifar10 --epochs 4                    PreResNet-20 in float32: about 70 % of the training images right in the fourth epoch
  resnet --data cifar10 --epochs 4 --precision qtorch_cifar10 --loss-scale 1000
                                                      the same in posit(8,2), as Qtorch+ rounds it
  resnet --data cifar10 --model resnet20 --lr 0.1 --weight-decay 1e-4 --augment --epochs 164 --schedule step --lr-every 82 --lr-factor 0.1 --warmup 1
                                                      He et al.'s run of a plain ResNet-20
  resnet --data cifar100 --model resnet9 --batch 400 --optimizer adam --lr 0.01 --weight-decay 1e-4 --schedule one_cycle --clip-value 0.1 --augment
  resnet --data photos --epochs 30 --augment          a folder train/CLASS/IMAGE and test/CLASS/IMAGE, scaled to 32 x 32
  resnet --data cifar10 --posit --float32-epochs 1 --loss-scale dynamic --save run.st --save-every 50
                                                      an epoch in float32 first; continue later, bit for bit, with --resume run.st
)text";

}  // namespace

int main(int argc, char** argv) {
    train::App app{.name = "resnet",
                   .description = "Trains residual networks on CIFAR-10 or other images, each role of the training in a number format of your choice.",
                   .examples = examples};
    app.defaults.epochs = 4;
    app.defaults.batch = 128;
    app.defaults.optimizer = {.lr = 0.05, .momentum = 0.9, .weight_decay = 5e-4};
    app.models = train::find_models({"preresnet20", "preresnet32", "preresnet56", "resnet20", "resnet32", "resnet44", "resnet56", "resnet18", "resnet9"});
    return train::main(argc, argv, app);
}
