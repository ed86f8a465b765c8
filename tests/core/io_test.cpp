// Safetensors files: their bytes, their round trip, hostile ones, failing writes, and Python's own reader and writer.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include <sys/resource.h>
#include <unistd.h>

#include <taper/core/file.h>
#include <taper/core/io.h>
#include <taper/core/memory.h>
#include <taper/formats/philox.h>

#include "support/throws.h"

namespace taper {
namespace {

using tests::error_of;
namespace fs = std::filesystem;

const Format p8 = Format::posit(8, 2);

class Io : public testing::Test {
  protected:
    Io() {
        char pattern[] = "/tmp/taper_io_XXXXXX";
        folder = ::mkdtemp(pattern);
        file = folder / "x.safetensors";
    }
    ~Io() override { fs::remove_all(folder); }

    void write(const std::string& bytes) const { std::ofstream(file, std::ios::binary) << bytes; }
    std::string read() const {
        std::ifstream in(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    // A file of this header and `data` bytes of zeros.
    void write(const std::string& header, std::size_t data) const {
        const std::uint64_t length = header.size();
        std::string bytes(8, '\0');
        std::memcpy(bytes.data(), &length, 8);
        write(bytes + header + std::string(data, '\0'));
    }
    std::size_t files_in_folder() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator())); }

    fs::path folder, file;
};

TEST_F(Io, TheBytes) {
    save(file, {{"p", Tensor::from({1, -1, 0.5f}, {3}, p8)}, {"a", Tensor::from({1, 2}, {1, 2})}, {"h", Tensor::from({1.5f}, {}, Format::parse("fp16"))}}, {{"k", "v"}});
    std::string header = R"j({"__metadata__":{"k":"v","taper.format.p":"posit(8,2)"},"a":{"data_offsets":[0,8],"dtype":"F32","shape":[1,2]},)j"
                         R"j("h":{"data_offsets":[8,10],"dtype":"F16","shape":[]},"p":{"data_offsets":[10,13],"dtype":"U8","shape":[3]}})j";
    header.append((8 - header.size() % 8) % 8, ' ');
    ASSERT_LT(header.size(), 256u);
    const std::string length{static_cast<char>(header.size()), 0, 0, 0, 0, 0, 0, 0};
    const std::string data("\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x3e\x40\xc0\x38", 13);
    EXPECT_EQ(read(), length + header + data);
}

TEST_F(Io, RoundTripOfEveryKind) {
    NamedTensors tensors;
    for (const char* name : {"posit(8,2)", "posit(6,0)", "posit(16,2)", "posit(32,2)", "posit(8,2,underflow)", "float32", "float64", "fp16", "fp16,sat", "bf16", "e4m3", "e2m1",
                             "float(6,9)", "fixed(8,4)", "fixed(24,10)", "posit(8,1)*0.25", "e4m3,sat*16", "bf16*2", "int32", "uint8"}) {
        const Format format = Format::parse(name);
        std::vector<std::uint64_t> codes;
        for (std::uint64_t i = 0; i < 60; ++i) codes.push_back(philox(1, i, 2).word[0] * 0x100000001ull & (~0ull >> (64 - format.bits())));
        tensors[std::string("layer.") + name] = Tensor::from_codes(codes, {3, 4, 5}, format);
    }
    tensors["none"] = Tensor::zeros({0, 7}, p8);
    tensors["scalar \"quoted\" \xc3\xa9"] = Tensor::full({}, 2.5);
    const Metadata metadata = {{"epoch", "3"}, {"text", "a\n\"b\""}};
    save(file, tensors, metadata);
    const Loaded loaded = load(file);
    EXPECT_EQ(loaded.metadata, metadata);
    ASSERT_EQ(loaded.tensors.size(), tensors.size());
    for (const auto& [name, tensor] : tensors) {
        const Tensor& got = loaded.tensors.at(name);
        EXPECT_EQ(got.format(), tensor.format()) << name;
        EXPECT_EQ(got.shape(), tensor.shape()) << name;
        EXPECT_EQ(got.codes(), tensor.codes()) << name;
    }
    save(file, {});
    EXPECT_TRUE(load(file).tensors.empty());
    EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(Io, TensorsAreAligned) {
    save(file, {{"a", Tensor::zeros({3}, p8)}, {"b", Tensor::zeros({3}, Format::float64())}, {"c", Tensor::zeros({5}, Format::parse("bf16"))}, {"d", Tensor::zeros({1})}});
    EXPECT_NE(read().find(R"j("a":{"data_offsets":[38,41])j"), std::string::npos);
    EXPECT_NE(read().find(R"j("b":{"data_offsets":[0,24])j"), std::string::npos);
    EXPECT_NE(read().find(R"j("c":{"data_offsets":[28,38])j"), std::string::npos);
    EXPECT_NE(read().find(R"j("d":{"data_offsets":[24,28])j"), std::string::npos);
    EXPECT_EQ((read().size() - 41) % 8, 0u);
}

TEST_F(Io, LengthsThatLie) {
    const std::string path = file.string();
    EXPECT_EQ(error_of([&] { load(file); }), "load: cannot open: " + path + ": No such file or directory");
    EXPECT_EQ(error_of([&] { load(folder); }), "load: not a regular file: " + folder.string() + " (want a file)");
    write("");
    EXPECT_EQ(error_of([&] { load(file); }), "load: the file is too short: " + path + ": 0 bytes (want 8 and a header)");
    write(std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10));
    EXPECT_EQ(error_of([&] { load(file); }), "load: the header is longer than the file: " + path + ", byte 0: 18446744073709551615 bytes (want at most 2)");
    write(R"j({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})j", 6);
    EXPECT_EQ(error_of([&] { load(file); }), "load: the file is longer than its tensors: " + path + ", byte 66: 2 bytes are left");
    // Sparse: 2^40 bytes that take no room on the disk.
    write(std::string("\0\0\0\0\0\1\0\0", 8));
    fs::resize_file(file, (std::uint64_t{1} << 40) + 8);
    EXPECT_EQ(error_of([&] { load(file); }), "load: the header is too long: " + path + ", byte 0: 1099511627776 bytes (want at most 100000000)");
}

// header, bytes of data, what the sentence says behind the file's name
struct Hostile {
    std::string header;
    std::size_t data;
    std::string says;
};

TEST_F(Io, HostileHeaders) {
    const std::string path = file.string(), damaged = "load: the header is damaged: " + path + ", header at byte 8: ", layout = " (want the safetensors layout)";
    const std::string foreign = "load: damaged or foreign: " + path + ", tensor ";
    const std::string f32 = R"j({"a":{"dtype":"F32","shape":)j";
    const std::vector<Hostile> cases = {
        {"", 0, damaged + "no JSON from its byte 1 on" + layout},
        {"[]", 0, damaged + "unexpected an array" + layout},
        {"7", 0, damaged + "unexpected a number" + layout},
        {"{", 0, damaged + "no JSON from its byte 2 on" + layout},
        {"{} {}", 0, damaged + "no JSON from its byte 4 on" + layout},
        {R"j({"a":1})j", 0, damaged + "tensor \"a\": unexpected a number" + layout},
        {R"j({"a":{}})j", 0, damaged + "tensor \"a\": incomplete tensor (want dtype, shape and two data_offsets)" + layout},
        {R"j({"a":{"dtype":{}}})j", 0, damaged + "tensor \"a\": unexpected an object in \"dtype\"" + layout},
        {R"j({"a":{"dtype":7}})j", 0, damaged + "tensor \"a\": unexpected a number in \"dtype\"" + layout},
        {R"j({"a":{"color":"red"}})j", 0, damaged + "tensor \"a\": unknown field: \"color\"" + layout},
        {R"j({"a":{"dtype":"F32","dtype":"F32"}})j", 0, damaged + "tensor \"a\": field given twice: \"dtype\"" + layout},
        {f32 + R"j([1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})j", 4, damaged + "tensor \"a\": name given twice" + layout},
        {f32 + R"j([-1],"data_offsets":[0,4]}})j", 4, damaged + "tensor \"a\": unexpected the number -1 in \"shape\"" + layout},
        {f32 + R"j([1.5],"data_offsets":[0,4]}})j", 4, damaged + "tensor \"a\": unexpected the number 1.5 in \"shape\"" + layout},
        {f32 + R"j([99999999999999999999],"data_offsets":[0,4]}})j", 4, damaged + "tensor \"a\": unexpected the number 99999999999999999999 in \"shape\"" + layout},
        {f32 + R"j([[1]],"data_offsets":[0,4]}})j", 4, damaged + "tensor \"a\": unexpected an array in \"shape\"" + layout},
        {f32 + R"j([18446744073709551615],"data_offsets":[0,4]}})j", 4, damaged + "tensor \"a\": a size of 18446744073709551615" + layout},
        {f32 + R"j([1],"data_offsets":[0,4,8]}})j", 4, damaged + "tensor \"a\": more than two data_offsets" + layout},
        {f32 + R"j([1],"data_offsets":[0]}})j", 4, damaged + "tensor \"a\": incomplete tensor (want dtype, shape and two data_offsets)" + layout},
        {f32 + R"j(null,"data_offsets":[0,4]}})j", 4, damaged + "tensor \"a\": unexpected null in \"shape\"" + layout},
        {R"j({"__metadata__":{"a":1}})j", 0, damaged + "tensor \"__metadata__\": unexpected a number" + layout},
        {R"j({"__metadata__":{},"__metadata__":{}})j", 0, damaged + "tensor \"__metadata__\": \"__metadata__\" is given twice" + layout},
        {R"j({"__metadata__":{"a":"b","a":"c"}})j", 0, damaged + "tensor \"__metadata__\": metadata has a key twice: \"a\"" + layout},
        {std::string(100000, '['), 0, damaged + "unexpected an array" + layout},
        {R"j({"a\n\"":1})j", 0, damaged + R"j(tensor "a\n\"": unexpected a number)j" + layout},
        {R"j({"\n":{"dtype":"F32","shape":[1],"data_offsets":[0,5]}})j", 5, foreign + R"j("\n": 5 bytes for [1] of float32)j"},
        {"{\"" + std::string(1000, 'n') + R"j(":{"dtype":"F32","shape":[1],"data_offsets":[0,5]}})j", 5, foreign + '"' + std::string(100, 'n') + "\": 5 bytes"},
        {"{\"\xff\":1}", 0, damaged + "no JSON from its byte 3 on" + layout},
        {f32 + R"j([1],"data_offsets":[4,0]}})j", 4, foreign + "\"a\": data_offsets [4, 0] lie outside the data (want at most 4)"},
        {f32 + R"j([1],"data_offsets":[0,8]}})j", 4, foreign + "\"a\": data_offsets [0, 8] lie outside the data (want at most 4)"},
        {f32 + R"j([1],"data_offsets":[4,8]}})j", 8, foreign + "\"a\": data_offsets [4, 8] leave a gap or overlap (want 0 as the first)"},
        {f32 + R"j([2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})j", 8, foreign + "\"b\": data_offsets [4, 8] leave a gap or overlap (want 8 as the first)"},
        {f32 + R"j([2],"data_offsets":[0,4]}})j", 4, foreign + "\"a\": 4 bytes for [2] of float32 (want 2 elements of 4 bytes)"},
        {f32 + R"j([1],"data_offsets":[0,5]}})j", 5, foreign + "\"a\": 5 bytes for [1] of float32 (want 1 elements of 4 bytes)"},
        {f32 + R"j([4611686018427387904,4],"data_offsets":[0,4]}})j", 4, foreign + "\"a\": shape: too many elements: [4611686018427387904, 4] (want at most 2^62)"},
        {f32 + R"j([4611686018427387904],"data_offsets":[0,0]}})j", 0, foreign + "\"a\": 0 bytes for [4611686018427387904] of float32 (want 4611686018427387904 elements of 4 bytes)"},
        {R"j({"a":{"dtype":"I16","shape":[4],"data_offsets":[0,8]}})j", 8,
         foreign + "\"a\": unknown dtype \"I16\" (want F64, F32, F16, BF16, I32, I64, U8, or codes with their format in the metadata)"},
        {R"j({"__metadata__":{"taper.format.a":"posit(8)"},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})j", 1, foreign + "\"a\": "},
        {R"j({"__metadata__":{"taper.format.a":"posit(16,1)"},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})j", 1,
         foreign + "\"a\": dtype U8 does not hold codes of posit(16,1) (want U16)"},
        {R"j({"__metadata__":{"taper.format.a":"posit(32,2)"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})j", 4,
         foreign + "\"a\": dtype F32 does not hold codes of posit(32,2) (want U32)"},
    };
    for (const Hostile& hostile : cases) {
        write(hostile.header, hostile.data);
        reset_peak_memory();
        const std::int64_t before = memory_statistics().live_total;
        const std::string sentence = error_of([&] { load(file); });
        EXPECT_EQ(sentence.substr(0, hostile.says.size()), hostile.says) << hostile.header.substr(0, 200) << "\n  said: " << sentence;
        EXPECT_LE(memory_statistics().peak_total - before, 16) << "memory beyond the file's";
    }
}

TEST_F(Io, PyTorchsIntegersAreReadAsInt32) {
    const auto write_integers = [&](const std::vector<std::int64_t>& values) {
        const std::string header = R"j({"n":{"dtype":"I64","shape":[)j" + std::to_string(values.size()) + R"j(],"data_offsets":[0,)j" + std::to_string(8 * values.size()) + "]}}";
        const std::uint64_t length = header.size();
        std::ofstream out(file, std::ios::binary);
        out.write(reinterpret_cast<const char*>(&length), 8) << header;
        out.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(8 * values.size()));
    };
    write_integers({7, -1, -(std::int64_t{1} << 31)});
    EXPECT_EQ(load(file).tensors.at("n").to_int32_vector(), (std::vector<std::int32_t>{7, -1, std::numeric_limits<std::int32_t>::min()}));
    write_integers({0, std::int64_t{1} << 31});
    EXPECT_NE(error_of([&] { load(file); }).find("2147483648 at 1 does not fit int32, which I64 is read as"), std::string::npos);
}

TEST_F(Io, StrayUpperBits) {
    const std::string header = R"j({"__metadata__":{"taper.format.a":"posit(6,0)"},"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})j";
    write(header, 3);
    std::string bytes = read();
    bytes.back() = 0x3f;
    write(bytes);
    EXPECT_EQ(load(file).tensors.at("a").codes(), (std::vector<std::uint64_t>{0, 0, 0x3f}));
    bytes.back() = 0x40;
    write(bytes);
    EXPECT_EQ(error_of([&] { load(file); }),
              "load: damaged or foreign: " + file.string() + ", tensor \"a\": code 0x40 at 2 has stray upper bits (want 6 bits of posit(6,0))");
}

TEST_F(Io, EveryTruncationIsAnErrorAndNoFlippedByteDoesHarm) {
    save(file, {{"w", Tensor::from({1, 2, 3}, {3}, p8)}, {"b", Tensor::from({4}, {1})}}, {{"k", "v"}});
    const std::string good = read();
    for (std::size_t n = 0; n < good.size(); ++n) {
        write(good.substr(0, n));
        EXPECT_THROW(load(file), Error) << n;
    }
    for (std::size_t i = 0; i < good.size(); ++i) {
        for (const char flip : {'\x01', '\x10', '\x80'}) {
            std::string bad = good;
            bad[i] = static_cast<char>(bad[i] ^ flip);
            write(bad);
            try {
                load(file);
            } catch (const Error& error) {
                EXPECT_NE(std::string(error.what()).find(file.string()), std::string::npos);
            }
        }
    }
}

TEST_F(Io, SaveChecks) {
    const Tensor x = Tensor::zeros({1});
    EXPECT_EQ(error_of([&] { save(file, {{"__metadata__", x}}); }), "save: the name is reserved: " + file.string() + ", tensor \"__metadata__\" (want another)");
    EXPECT_EQ(error_of([&] { save(file, {{"x", x}}, {{"taper.format.x", "e4m3"}}); }),
              "save: the key is reserved: " + file.string() + ", metadata \"taper.format.x\" (want none that begins with taper.format.)");
    EXPECT_EQ(error_of([&] { save(file, {{"\xff", x}}); }), "save: a name or a text of the metadata is not UTF-8 (want UTF-8)");
    EXPECT_THROW(save(file, {{"x", Tensor()}}), Error);
    EXPECT_EQ(error_of([&] { save(folder / "no" / "x", {{"x", x}}); }), "save: cannot create: " + (folder / "no" / "x.tmp").string() + ": No such file or directory");
    EXPECT_EQ(error_of([&] { save(folder / "x", {{"x", x}}), fs::create_directory(file), save(file, {{"x", x}}); }),
              "save: cannot rename into place: " + file.string() + ": Is a directory");
    EXPECT_EQ(files_in_folder(), 2u) << "no temporary file is left";
}

TEST_F(Io, AFailingWriteLeavesTheOldFile) {
    save(file, {{"x", Tensor::from({1, 2, 3}, {3})}});
    const std::string old = read();
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{}, small{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100000;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const std::string sentence = error_of([&] { save(file, {{"x", Tensor::zeros({1000000})}}); });
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(sentence, "save: cannot write: " + file.string() + ".tmp: File too large");
    EXPECT_EQ(read(), old);
    EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(Io, OneWriterAtATimeAndLeftoversAreOverwritten) {
    const Tensor x = Tensor::from({1}, {1});
    {
        NewFile other(file);
        EXPECT_EQ(error_of([&] { save(file, {{"x", x}}); }), "save: another save of the same file is under way: " + file.string() + ".tmp: Resource temporarily unavailable");
        EXPECT_TRUE(fs::exists(file.string() + ".tmp")) << "the other's";
    }
    EXPECT_EQ(files_in_folder(), 0u) << "never committed";
    std::ofstream(file.string() + ".tmp") << std::string(100000, 'x');
    save(file, {{"x", x}});
    EXPECT_EQ(load(file).tensors.at("x").item(), 1);
    EXPECT_EQ(files_in_folder(), 1u);
    fs::create_symlink(folder / "elsewhere", file.string() + ".tmp");
    EXPECT_THROW(save(file, {{"x", x}}), Error) << "a planted link is not followed";
    EXPECT_FALSE(fs::exists(folder / "elsewhere"));
}

int run_python(const std::string& script) {
    const char* python = std::getenv("TAPER_PYTHON");
    return std::system(((python != nullptr ? python : "python3") + (" -c '" + script + "'")).c_str());
}

TEST_F(Io, PythonReadsOursAndWeReadPythons) {
    if (run_python("import importlib.util as u, sys; sys.exit(not (u.find_spec(\"torch\") and u.find_spec(\"safetensors\")))") != 0) GTEST_SKIP() << "python3 has no torch or no safetensors (TAPER_PYTHON names another python)";
    save(file, {{"a", Tensor::from({1, -2.5f}, {2, 1})}, {"h", Tensor::from({0.1f}, {1}, Format::parse("fp16"))}, {"b", Tensor::from({0.1f, 3}, {2}, Format::parse("bf16"))},
                {"d", Tensor::from({0.1f}, {}, Format::float64())}, {"i", Tensor::from(std::span<const std::int32_t>(std::vector<std::int32_t>{-7}), {1})},
                {"p", Tensor::from({1, 2, 3}, {3}, p8)}, {"q", Tensor::from({1}, {1}, Format::posit(16, 2))}},
         {{"epoch", "3"}});
    const fs::path theirs = folder / "theirs";
    ASSERT_EQ(run_python("import torch; from safetensors import safe_open; from safetensors.torch import load_file, save_file\n"
                         "t = load_file(\"" + file.string() + "\")\n"
                         "assert t[\"a\"].dtype == torch.float32 and t[\"a\"].tolist() == [[1.0], [-2.5]]\n"
                         "assert t[\"h\"].dtype == torch.float16 and torch.equal(t[\"h\"], torch.tensor([0.1], dtype=torch.float16))\n"
                         "assert t[\"b\"].dtype == torch.bfloat16 and torch.equal(t[\"b\"], torch.tensor([0.1, 3], dtype=torch.bfloat16))\n"
                         "assert t[\"d\"].dtype == torch.float64 and t[\"d\"].shape == () and t[\"i\"].tolist() == [-7]\n"
                         "assert t[\"p\"].dtype == torch.uint8 and t[\"p\"].tolist() == [0x40, 0x48, 0x4c]\n"
                         "m = safe_open(\"" + file.string() + "\", \"pt\").metadata()\n"
                         "assert m == {\"epoch\": \"3\", \"taper.format.p\": \"posit(8,2)\", \"taper.format.q\": \"posit(16,2)\"}\n"
                         "save_file(t | {\"z\": torch.arange(6, dtype=torch.float16).reshape(2, 3)}, \"" + theirs.string() + "\", m)"), 0);
    const Loaded ours = load(file), back = load(theirs);
    EXPECT_EQ(back.metadata, ours.metadata);
    ASSERT_EQ(back.tensors.size(), ours.tensors.size() + 1);
    for (const auto& [name, tensor] : ours.tensors) {
        EXPECT_EQ(back.tensors.at(name).format(), tensor.format()) << name;
        EXPECT_EQ(back.tensors.at(name).shape(), tensor.shape()) << name;
        EXPECT_EQ(back.tensors.at(name).codes(), tensor.codes()) << name;
    }
    EXPECT_EQ(back.tensors.at("z").to_vector(), (std::vector<float>{0, 1, 2, 3, 4, 5}));
}

}  // namespace
}  // namespace taper
