// App: what a training program is made of, and the main function that they all share.
//   int main(int argc, char** argv) {
//       taper::train::App app{.name = "mine", .description = "Trains my network."};
//       app.models = {{"mine", "two layers", [](const taper::train::Images& images, taper::Generator& generator) {
//           return std::make_unique<Mine>(images.channels, images.classes, generator);
//       }}};
//       return taper::train::main(argc, argv, app);
//   }
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <taper/core/random.h>
#include <taper/nn/data/images.h>
#include <taper/nn/module.h>
#include <taper/train/observer.h>
#include <taper/train/settings.h>

namespace taper::train {

// What a network is made for.
struct Images {
    std::int64_t channels = 1, height = 28, width = 28, classes = 10;
};

// A network by name: x [N, channels, height, width] -> logits [N, classes].
struct Model {
    std::string name;
    std::string description;  // a few words for the help
    // Draws the first weights from the generator; throws Error on images that it cannot read.
    std::function<std::unique_ptr<nn::Module>(const Images&, Generator&)> make;
};

struct App {
    std::string name;         // of the program, as its messages and its help call it
    std::string description;  // one sentence
    std::string examples;     // of the help, a line each
    Settings defaults = {};
    std::vector<Model> models = {};  // by --model; the first one is the default
    std::string data_help = "folder with images";
    // Reads the folder of --data, which is empty where none was named.
    std::function<nn::ImageSets(const std::filesystem::path&)> load = {};
    std::vector<ObserverFactory> observers = {};  // of each run
};

// The whole program.  Returns its exit code: 0 done, 1 an Error, told in one sentence, 2 a bad command line, 130 or 143 stopped by a signal.
int main(int argc, char** argv, const App& app);

}  // namespace taper::train
