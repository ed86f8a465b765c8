// App: what a training program is made of, and the main function that they all share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <taper/core/random.h>
#include <taper/nn/data/images.h>
#include <taper/nn/module.h>
#include <taper/train/observer.h>
#include <taper/train/settings.h>

namespace taper::train {

// A network by name: x [N, C, H, W] -> logits [N, classes].
struct Model {
    std::string name;
    std::string description;  // a few words for the help
    // Made for `images` as they are there, its first weights drawn from the generator.
    std::function<std::unique_ptr<nn::Module>(const nn::ImageClassification& images, Generator& generator)> make;
    Shape image = {};                                     // [C, H, W] that it reads; unset: any
    std::optional<nn::Normalisation> normalisation = {};  // of its published runs; unset: as measured over the training images
};
// Models of nn::model_table; throws Error on another name.
std::vector<Model> find_models(const std::vector<std::string>& names);

// Usage: int main(int argc, char** argv) { return taper::train::main(argc, argv, {.name = "mine", .description = "...", .models = {...}}); }
struct App {
    std::string name;           // of the program, as its messages and its help call it
    std::string description;    // one sentence
    std::string examples = {};  // of the help, lines
    Settings defaults = {};
    std::vector<Model> models = {};                              // by --model; the first one is the default
    std::function<std::filesystem::path()> default_folder = {};  // where --data is not given; unset: an Error
    std::string data_help = "folder of images: idx files (MNIST), CIFAR-10's or CIFAR-100's binary files, or train/CLASS/IMAGE and test/CLASS/IMAGE";
    std::function<nn::ImageSets(const std::filesystem::path& folder)> load = {};  // instead of nn::load_images
    std::vector<ObserverFactory> observers = {};                                  // of each run
};

// The whole program.  Returns its exit code: 0 done, 1 an Error, told in one sentence, 2 a bad command line, 130 or 143 stopped by a signal.
int main(int argc, char** argv, const App& app);

}  // namespace taper::train
