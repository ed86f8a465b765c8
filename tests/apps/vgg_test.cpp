// vgg: trains by the recipe of the paper on CIFAR-10's files.
#include <gtest/gtest.h>

#include "images.h"
#include "program.h"

namespace taper::test {
namespace {

TEST(Vgg, TrainsByTheRecipeOfThePaper) {
    const TemporaryFolder data;
    write_cifar10_images(data.path(), {10, 4});
    const std::filesystem::path csv = data / "c.csv";
    const Outcome outcome =
        run(TAPER_VGG, {"--data", data.path(), "--batch", "5", "--threads", "1", "--quiet", "--epochs", "2", "--precision", "qtorch_vgg11", "--csv", csv});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    for (const char* part : {"qtorch_vgg11", "posit(8,1)", "9,231,114"}) EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
    EXPECT_NE(read_file(csv).find("qtorch_vgg11,2,0.05,"), std::string::npos) << read_file(csv);  // half a cosine over two epochs
}

TEST(Vgg, HelpListsModelsAndExamples) {
    const Outcome outcome = run(TAPER_VGG, {"--help"});
    EXPECT_EQ(outcome.code, 0);
    for (const char* part : {"vgg11, 9,231,114 parameters", "vgg16", "--schedule", "=cosine", "Examples:"})
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part;
}

}  // namespace
}  // namespace taper::test
