// Running a program of the build from a test.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace taper::test {

using Arguments = std::vector<std::string>;

struct Outcome {
    int code = -1;  // 128 + signal if one ended it
    std::string out, err;
};
// Runs `program` to its end; no shell in between.
Outcome run(const std::filesystem::path& program, const Arguments& arguments);

// A program that runs on while the test does something to it.
class Running {
  public:
    Running(const std::filesystem::path& program, const Arguments& arguments);
    ~Running();  // kills it if it still runs
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    void signal(int number) const;
    Outcome wait();

  private:
    std::filesystem::path folder_;  // of what it prints
    pid_t pid_ = -1;
};

// A new folder under the system's temporary one, removed with the object.
class TemporaryFolder {
  public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

std::string read_file(const std::filesystem::path& file);
void write_file(const std::filesystem::path& file, const std::string& content);

Arguments plus(Arguments arguments, const Arguments& more);
// One line on standard error that holds `part`, and nothing on standard output.
void expect_sentence(const Outcome& outcome, const std::string& part);
// A CSV without its column `seconds`.
std::string without_seconds(const std::filesystem::path& csv);
// Until the file is there, at most ten seconds.
void wait_for(const std::filesystem::path& file);

}  // namespace taper::test
