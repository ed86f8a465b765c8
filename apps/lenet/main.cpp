// lenet: trains LeNet-5 with each role of the training in a number format of one's choice.
// Ten epochs of Fashion-MNIST take about ten seconds on two cores and end at 90 % of the test images.
#include <taper/train/app.h>

namespace {

using namespace taper;

const char* const examples =
    R"text(  lenet                                               float32, ten epochs: about 90 % of the test images right
  lenet --posit                                       the same in 8-bit posits, within half a point of it
  lenet --compare --posit --epochs 3 --csv lenet.csv --plot lenet.png
                                                      both side by side, a table and a plot of the curves
  lenet --weights e4m3 --activations e4m3 --errors e5m2 --gradients e5m2 --loss-scale 256
  lenet --posit --gradients "posit(8,2) stochastic"   a rounding after a format: nearest, zero, stochastic
  lenet --posit --accumulate exact                    a quire: one rounding of the exact sum of each dot product
  lenet --posit --accumulate-forward "rounded(posit(16,2))" --accumulate-backward exact
                                                      every step of a forward sum rounded
  lenet --posit --step every-operation --loss-scale 64
                                                      the optimizer's products and sums rounded one by one, errors not divided by the batch
  lenet --posit --save run.st --save-every 100        continue later, bit for bit, with --resume run.st
  lenet --posit --watch 100 --watch-csv watch.csv --watch-plot watch.png
                                                      how the numbers lie in their formats, every 100 steps
  lenet --precision positnn_o16_l16                   a published run's formats by name; or a file, see docs/recipes.md
  lenet --data mnist --epochs 5                       MNIST, or any other folder of 28 x 28 images
  lenet --data mnist --model mnist_cnn --lr 0.01 --schedule none --epochs 5 --precision qtorch_mnist
                                                      the small network of Qtorch+'s run

An epoch of the 60,000 images takes a few seconds on two cores.
)text";

}  // namespace

int main(int argc, char** argv) {
    train::App app{.name = "lenet",
                   .description = "Trains LeNet-5 on Fashion-MNIST, MNIST or the like, each role of the training in a number format of your choice.",
                   .examples = examples};
    app.defaults.schedule.kind = train::ScheduleKind::step;
    app.defaults.optimizer = {.lr = 0.0625, .momentum = 0.5};
    app.models = train::find_models({"lenet5", "mnist_cnn"});
    for (train::Model& model : app.models) model.normalisation.reset();  // measured: MNIST and its kin differ
    app.default_folder = nn::find_fashion_mnist;
    app.data_help =
        "folder with {train,t10k}-{images-idx3,labels-idx1}-ubyte, plain or .gz, or with train/CLASS/IMAGE and test/CLASS/IMAGE; default: Debian's "
        "dataset-fashion-mnist";
    return train::main(argc, argv, app);
}
