// The CSV and the picture of watched numbers.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include <taper/nn/nn.h>

#include "common/plot.h"
#include "common/watch_report.h"
#include "program.h"
#include "support/throws.h"

namespace taper::test {
namespace {

using namespace taper::apps;
using core::Statistics;
using tests::error_of;

// Two watched steps of a small network in `csv`: 0 and 3.
void train(WatchReport& report, const std::string& run, const nn::Precision& precision, std::int64_t first = 0) {
    seed(2);
    nn::Sequential model;
    model.emplace<nn::Linear>(6, 4);
    model.emplace<nn::ReLU>();
    model.set_precision(precision);
    nn::Sgd sgd(model.parameters(), {.lr = 0.1, .momentum = 0.5});
    ModelWatch watch(report, run, model, sgd);
    const Tensor x = randn({5, 6}), labels = Tensor::from(std::vector<std::int32_t>{0, 1, 2, 3, 0}, {5});
    for (std::int64_t step = 0; step < 5; ++step) {
        if (step >= first) watch.begin_step(step / 2, step);
        sgd.zero_grad();
        backward(nn::cross_entropy(model(x), labels, precision));
        sgd.step();
        if (step >= first) watch.end_step();
    }
}

class WatchFiles : public testing::Test {
  protected:
    WatchFlags flags(const std::string& name) const { return {.every = 3, .csv = folder_ / (name + ".csv"), .picture = folder_ / (name + ".png")}; }
    static nn::Precision mix() {
        const Format p8 = Format::posit(8, 2);
        return {.weights = p8, .activations = p8, .errors = Format::parse("e5m2"), .gradients = p8, .master = Format::posit(16, 2)};
    }
    TemporaryFolder folder_;
};

TEST_F(WatchFiles, CsvHasALineATensorAndStep) {
    const WatchFlags f = flags("a");
    {
        WatchReport report(f);
        train(report, "run, \"one\"", mix());
    }
    std::istringstream lines(read_file(f.csv));
    std::string header, line;
    std::getline(lines, header);
    EXPECT_EQ(header.substr(0, header.find(",2^-63")),
              "run,epoch,step,kind,name,format,elements,zeros,saturated,smallest,infinite,nan,underflow,overflow,mean,max,<2^-64,2^-64");
    EXPECT_EQ(header.substr(header.rfind(",2^")), ",2^64,>=2^65");
    std::map<std::string, int> starts;
    while (std::getline(lines, line)) ++starts[line.substr(0, line.find(",\"posit") == std::string::npos ? line.find(",e5m2") : line.find(",\"posit"))];
    std::map<std::string, int> wanted;
    for (const char* step : {"1,0", "2,3"})
        for (const char* tensor : {"weight,0.weight", "master,0.weight", "gradient,0.weight", "weight,0.bias", "master,0.bias", "gradient,0.bias",
                                   "activation,0", "activation,1", "activation,<output>", "error,0", "error,1", "error,<output>"})
            wanted[std::string("\"run, \"\"one\"\"\",") + step + "," + tensor] = 1;
    for (const char* state : {"state,velocity.0.weight,float32", "state,velocity.0.bias,float32"})
        EXPECT_NE(read_file(f.csv).find(state), std::string::npos) << state;
    for (const auto& [start, count] : wanted) EXPECT_EQ(starts[start], count) << start;
}

TEST_F(WatchFiles, CsvReadsBack) {
    WatchRecord record{.run = "r", .epoch = 2, .row = {.step = 7, .kind = nn::Watched::error, .name = "a.b", .format = Format::posit(8, 2)}};
    record.row.statistics = core::statistics(randn({100}, Format::posit(8, 2)));
    record.row.before = {.underflow = 3, .overflow = 4};
    std::ofstream(folder_ / "r.csv") << watch_csv_header() << watch_csv_line(record) << "r,3,9,err";
    const auto records = read_watch_csv(folder_ / "r.csv", 8);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(watch_csv_line(records[0]), watch_csv_line(record));
    EXPECT_EQ(records[0].row.before, record.row.before);
    EXPECT_EQ(records[0].row.statistics.binades, record.row.statistics.binades);
    EXPECT_TRUE(read_watch_csv(folder_ / "r.csv", 7).empty());
}

TEST_F(WatchFiles, AResumedRunGoesOnWithTheFile) {
    {
        WatchReport whole(flags("whole"));
        train(whole, "r", mix());
        WatchReport cut(flags("cut"));
        train(cut, "r", mix());
    }
    WatchReport resumed(flags("cut"));  // step 3 comes again
    train(resumed, "r", mix(), 2);
    EXPECT_EQ(read_file(flags("cut").csv), read_file(flags("whole").csv));
}

TEST_F(WatchFiles, PictureIsDrawn) {
    WatchReport report(flags("p"));
    train(report, "posit's", mix());
    train(report, "float32", {});
    EXPECT_EQ(report.draw(), have_gnuplot());
    if (have_gnuplot()) {
        EXPECT_EQ(read_file(flags("p").picture).substr(1, 3), "PNG");
    }
}

TEST_F(WatchFiles, BadFilesAreErrors) {
    const std::string file = folder_ / "x.csv";
    write_file(file, "run,epoch\n");
    EXPECT_EQ(error_of([&] { read_watch_csv(file, 1); }), "watch: not a CSV of watched numbers: " + file + " (want the header of --watch-csv)");
    write_file(file, watch_csv_header() + "r,1,2\n");
    EXPECT_EQ(error_of([&] { read_watch_csv(file, 1); }), "watch: damaged CSV: " + file + ", line 2: 3 fields (want 147)");
    WatchFlags f = flags("no");
    f.csv = folder_ / "nowhere/x.csv";
    EXPECT_EQ(error_of([&] { WatchReport(f).begin_step(0); }), "save: cannot create: " + f.csv.string() + ".tmp: No such file or directory");
}

}  // namespace
}  // namespace taper::test
