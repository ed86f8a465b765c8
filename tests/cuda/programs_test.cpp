// The programs with the device's kernels on the host: with exact sums a run on cuda writes the bytes of one on the CPU.
#include <gtest/gtest.h>

#include <memory>

#include "apps/images.h"
#include "apps/program.h"

namespace taper::test {
namespace {

class ProgramsOnCuda : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        data_ = std::make_unique<TemporaryFolder>();
        write_idx_images(data_->path(), {.train = 40, .test = 30});
    }
    static void TearDownTestSuite() { data_.reset(); }

    // Runs the program on both devices, its file `written` as cpu-NAME and cuda-NAME.
    void run_both(const std::string& program, const Arguments& arguments, const std::string& flag, const std::string& name) {
        for (const char* device : {"cpu", "cuda"}) {
            const Outcome outcome =
                run(program, plus(arguments, {"--data", data_->path().string(), "--device", device, "--quiet", flag, file(device, name)}));
            ASSERT_EQ(outcome.code, 0) << device << ": " << outcome.err;
        }
    }
    std::string file(const std::string& device, const std::string& name) const { return out_ / (device + "-" + name); }

    static inline std::unique_ptr<TemporaryFolder> data_;
    TemporaryFolder out_;
};

TEST_F(ProgramsOnCuda, LenetTrainsEvaluatesAndSaves) {
    run_both(TAPER_LENET, {"--posit", "--accumulate", "exact", "--batch", "16", "--epochs", "2"}, "--save", "run.st");
    EXPECT_TRUE(read_file(file("cpu", "run.st")) == read_file(file("cuda", "run.st")));
}

TEST_F(ProgramsOnCuda, DcganTrainsDrawsAndResumes) {
    const Arguments arguments{"--posit", "--accumulate", "exact", "--batch", "4", "--width", "2", "--latent", "3"};
    run_both(TAPER_DCGAN, plus(arguments, {"--steps", "3"}), "--save", "run.st");
    EXPECT_TRUE(read_file(file("cpu", "run.st")) == read_file(file("cuda", "run.st")));
    for (const char* device : {"cpu", "cuda"}) {
        const Arguments more{"--data",   data_->path().string(), "--device", device, "--steps", "4", "--quiet", "--resume", file("cuda", "run.st"),
                             "--samples", file(device, "grids")};
        const Outcome outcome = run(TAPER_DCGAN, plus(arguments, more));
        ASSERT_EQ(outcome.code, 0) << device << ": " << outcome.err;
    }
    EXPECT_TRUE(read_file(file("cpu", "grids") + "/step-000004.png") == read_file(file("cuda", "grids") + "/step-000004.png"));
}

TEST_F(ProgramsOnCuda, FormatBenchEvaluates) {
    const std::string trained = out_ / "trained.st";
    ASSERT_EQ(run(TAPER_LENET, {"--data", data_->path().string(), "--epochs", "3", "--batch", "2", "--quiet", "--save", trained}).code, 0);
    run_both(TAPER_FORMAT_BENCH, {"infer", trained, "--model", "lenet5", "--formats", "e4m3, e5m2, fp16", "--accumulate", "exact", "--batch", "10"}, "--csv",
             "rows.csv");
    EXPECT_EQ(without_seconds(file("cpu", "rows.csv")), without_seconds(file("cuda", "rows.csv")));
}

}  // namespace
}  // namespace taper::test
