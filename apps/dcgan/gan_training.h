// GanTraining: a generator and a discriminator trained against each other, step by step, with all that a checkpoint keeps.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <taper/nn/nn.h>

#include "options.h"

namespace taper::apps {

// Both networks under one root, so that a checkpoint holds them together; z -> the discriminator's logits.
struct Gan : nn::Module {
    nn::DcganGenerator generator;
    nn::DcganDiscriminator discriminator;
    explicit Gan(const nn::DcganOptions& options) : generator(options), discriminator(options) {
        add("generator", generator);
        add("discriminator", discriminator);
    }

  protected:
    Variable forward(const Variable& z) override { return discriminator(generator(z)); }
};

// What a step, or the mean of several, showed.
struct GanLog {
    std::int64_t step = 0;          // the last one, from 1
    double discriminator_loss = 0;  // -log D(x) - log(1 - D(G(z))), means over the batch
    double generator_loss = 0;      // -log D(G(z)) after the discriminator's step
    double real = 0, fake = 0;      // D(x) and D(G(z)) before it
};

// One step, as in PyTorch's examples/dcgan: the discriminator on a batch of images and one of the generator's, then the generator through the
// discriminator as it is then, whose weights get no gradient.  One Adam holds both networks' state: a step updates those that have gradients.
class GanTraining {
  public:
    // Seeds the default generator; `images`, normalised to [-1, 1], must outlive it.
    GanTraining(const GanOptions& options, const nn::ImageClassification& images);

    const std::string& name() const { return name_; }
    nn::DcganGenerator& generator() { return gan_.generator; }
    std::int64_t steps() const { return step_; }  // done
    std::vector<GanLog> log() const;              // a row every options.log_every steps, and one for what came since

    void step();
    // Throws Error if the file cannot be written.  Times stay out of it: the same run writes the same bytes.
    void save(const std::filesystem::path& file);
    // Continues from a checkpoint; throws Error if it is of another kind of run.
    void resume(const std::filesystem::path& file);

  private:
    nn::Batch next_batch();
    struct Judged {
        Tensor loss, real, fake;  // logits
    };
    Judged train_discriminator(const Tensor& images, const Variable& fake);
    Tensor train_generator(const Variable& fake);  // its loss
    std::string settings() const;  // what a resumed run must share
    void restore_notes(const Metadata& notes, const std::filesystem::path& file);

    const GanOptions& options_;
    const nn::ImageClassification& images_;
    std::string name_;
    Gan gan_;
    nn::Adam adam_;
    nn::DataLoader loader_;
    std::optional<nn::BatchStream> batches_;
    OneLaunch one_launch_;
    nn::Progress progress_;
    std::int64_t step_ = 0;
    GanLog sums_;  // since the last row; sums_.step counts them
    std::vector<GanLog> log_;
};

// The network that a checkpoint's notes describe, and its generator's weights as the optimizer held them, rounded as `recipe` says.
// Throws Error naming the file if it is not a checkpoint of dcgan.
std::unique_ptr<nn::DcganGenerator> load_generator(const std::filesystem::path& file, const nn::Recipe& recipe);

}  // namespace taper::apps
