#include "gan_training.h"

#include <cmath>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

#include <taper/formats/error.h>

namespace taper::apps {
namespace {

nn::DcganOptions network(const GanOptions& options, const Shape& images) {
    return {.size = images[2], .channels = images[1], .latent = options.latent, .generator_width = options.width, .discriminator_width = options.width};
}

// The seed of everything that a run draws is set before the networks draw their first weights.
nn::DcganOptions seeded(const GanOptions& options, const Shape& images) {
    seed(options.seed);
    return network(options, images);
}

nn::DataLoaderOptions loader_options(const GanOptions& options) {
    // Rounding to nearest in the loader or in the model's input slot gives the same bits; the loader does it in its own thread.
    const Target inputs = options.discriminator_recipe().precision.inputs;
    return {.batch_size = options.batch, .seed = options.seed, .format = inputs.rounding == Rounding::nearest ? inputs.format : Format::float32()};
}

double mean_probability(const Tensor& logits) {
    double sum = 0;
    for (const double logit : logits.to_vector_double()) sum += 1 / (1 + std::exp(-logit));
    return sum / static_cast<double>(logits.elements());
}

std::vector<double> numbers(const std::string& text) {
    std::istringstream words(text);
    std::vector<double> values;
    for (std::string word; words >> word;) values.push_back(std::strtod(word.c_str(), nullptr));
    return values;
}

std::string text(const GanLog& row) {
    return fmt::format("{} {:a} {:a} {:a} {:a}\n", row.step, row.discriminator_loss, row.generator_loss, row.real, row.fake);
}

GanLog parse_log(const std::string& line, const std::filesystem::path& file) {
    const auto v = numbers(line);
    if (v.size() != 5) throw Error(fmt::format("resume: damaged notes: {} has \"{}\" (want 5 numbers)", file.string(), line));
    return {.step = static_cast<std::int64_t>(v[0]), .discriminator_loss = v[1], .generator_loss = v[2], .real = v[3], .fake = v[4]};
}

const std::string& note(const Metadata& notes, const char* key, const std::filesystem::path& file) {
    const auto found = notes.find(key);
    if (found == notes.end()) throw Error(fmt::format("not a checkpoint of dcgan: {} has no \"{}\"", file.string(), key));
    return found->second;
}

}  // namespace

GanTraining::GanTraining(const GanOptions& options, const nn::ImageClassification& images)
    : options_(options),
      images_(images),
      name_(label(options.generator_recipe())),
      gan_(seeded(options, images.shape)),
      adam_(gan_.parameters(), {.lr = options.lr, .beta1 = options.beta1}),
      loader_(images, loader_options(options)) {
    nn::apply(options.generator_recipe(), gan_.generator);
    nn::apply(options.discriminator_recipe(), gan_.discriminator);
}

nn::Batch GanTraining::next_batch() {
    if (progress_.batch == loader_.batches()) {
        ++progress_.epoch;
        progress_.batch = 0;
        batches_.reset();
    }
    if (!batches_) batches_.emplace(loader_.epoch(progress_.epoch, progress_.batch));
    ++progress_.batch;
    return batches_->next().value();
}

GanTraining::Judged GanTraining::train_discriminator(const Tensor& images, const Variable& fake) {
    const std::int64_t n = images.size(0);
    adam_.zero_grad();
    const Variable real_logits = gan_.discriminator(images), fake_logits = gan_.discriminator(fake.detach());
    const nn::Precision& precision = gan_.discriminator.precision();
    const Variable loss =
        nn::bce_with_logits_loss(real_logits, Tensor::full({n}, 1), precision) + nn::bce_with_logits_loss(fake_logits, Tensor::full({n}, 0), precision);
    backward(loss, {.loss_scale = options_.loss_scale});
    adam_.step();
    return {loss.value(), real_logits.value(), fake_logits.value()};
}

Tensor GanTraining::train_generator(const Variable& fake) {
    adam_.zero_grad();
    gan_.discriminator.freeze();
    const Variable logits = gan_.discriminator(fake);
    const Variable loss = nn::bce_with_logits_loss(logits, Tensor::full({fake.size(0)}, 1), gan_.discriminator.precision());
    backward(loss, {.loss_scale = options_.loss_scale});
    adam_.step();
    gan_.discriminator.freeze(false);
    return loss.value();
}

void GanTraining::step() {
    const nn::Batch batch = next_batch();
    one_launch_([&] {
        const Variable fake = gan_.generator(randn({batch.images.size(0), options_.latent}));
        const Judged judged = train_discriminator(batch.images.to(default_device()), fake);
        const Tensor generator_loss = train_generator(fake);
        // Last: a read cuts the launch in two.
        sums_.discriminator_loss += judged.loss.item();
        sums_.real += mean_probability(judged.real);
        sums_.fake += mean_probability(judged.fake);
        sums_.generator_loss += generator_loss.item();
    });
    ++step_;
    ++sums_.step;
    if (step_ % options_.log_every != 0) return;
    log_ = log();
    sums_ = {};
}

std::vector<GanLog> GanTraining::log() const {
    std::vector<GanLog> rows = log_;
    const auto n = static_cast<double>(sums_.step);
    if (n > 0) rows.push_back({step_, sums_.discriminator_loss / n, sums_.generator_loss / n, sums_.real / n, sums_.fake / n});
    return rows;
}

void GanTraining::save(const std::filesystem::path& file) {
    std::string rows;
    for (const GanLog& row : log_) rows += text(row);
    const nn::DcganOptions& o = gan_.generator.options();
    progress_.notes = {{"settings", settings()},
                       {"network", fmt::format("{} {} {} {}", o.size, o.channels, o.latent, o.generator_width)},
                       {"step", std::to_string(step_)},
                       {"log", rows},
                       {"sums", text(sums_)}};
    nn::save_checkpoint(file, gan_, adam_, progress_);
}

std::string GanTraining::settings() const {
    return fmt::format("{} images of {}, batch {}, latent {}, width {}, lr {}, beta1 {}, loss-scale {}, seed {}, log-every {}", images_.size(),
                       images_.shape.str(), options_.batch, options_.latent, options_.width, options_.lr, options_.beta1, options_.loss_scale, options_.seed,
                       options_.log_every);
}

void GanTraining::resume(const std::filesystem::path& file) {
    progress_ = nn::load_checkpoint(file, gan_, adam_);
    batches_.reset();
    restore_notes(progress_.notes, file);
}

void GanTraining::restore_notes(const Metadata& notes, const std::filesystem::path& file) {
    if (note(notes, "settings", file) != settings())
        throw Error(fmt::format("resume: other settings: {} was made with {} (want {})", file.string(), note(notes, "settings", file), settings()));
    std::istringstream lines(note(notes, "log", file));
    log_.clear();
    for (std::string line; std::getline(lines, line);) log_.push_back(parse_log(line, file));
    sums_ = parse_log(note(notes, "sums", file), file);
    step_ = std::strtoll(note(notes, "step", file).c_str(), nullptr, 10);
    if (progress_.batch > loader_.batches() || step_ != progress_.epoch * loader_.batches() + progress_.batch)
        throw Error(fmt::format("resume: damaged notes: {} stands at step {}, epoch {}, batch {}", file.string(), step_, progress_.epoch, progress_.batch));
}

std::unique_ptr<nn::DcganGenerator> load_generator(const std::filesystem::path& file, const nn::Recipe& recipe) {
    const Loaded loaded = load(file);
    const auto sizes = numbers(note(loaded.metadata, "note.network", file));
    if (sizes.size() != 4) throw Error(fmt::format("load_generator: damaged notes: {} has \"{}\"", file.string(), loaded.metadata.at("note.network")));
    const auto size = [&](std::size_t i) { return static_cast<std::int64_t>(sizes[i]); };
    auto model = std::make_unique<nn::DcganGenerator>(
        nn::DcganOptions{.size = size(0), .channels = size(1), .latent = size(2), .generator_width = size(3), .discriminator_width = size(3)});
    const std::string prefix = "model.generator.";
    NamedTensors tensors;
    for (const auto& [name, tensor] : loaded.tensors)
        if (name.rfind(prefix, 0) == 0) tensors[name.substr(prefix.size())] = tensor;
    nn::apply(recipe, *model);
    model->load(tensors);
    return model;
}

}  // namespace taper::apps
