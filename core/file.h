// Whole files: written so that a crash leaves the old one, read within their size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace taper {

// A file that takes the place of `file` once commit() has synced it; until then, and if commit() is never reached, the old one stays.
// It is written beside it as "FILE.tmp", locked against a second writer; what a killed program left there is overwritten.
// Throws Error naming the file and what the system said.
class NewFile {
  public:
    explicit NewFile(const std::filesystem::path& file);
    ~NewFile();
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    void write(const void* bytes, std::size_t count);
    void commit();

  private:
    void lock();
    std::filesystem::path file_, temporary_;
    int descriptor_ = -1;
    bool owned_ = false;  // the temporary file is this one's to remove
};

// A regular file, read at any offset.  Throws Error naming the file.
class OldFile {
  public:
    explicit OldFile(const std::filesystem::path& file);
    ~OldFile();
    OldFile(const OldFile&) = delete;
    OldFile& operator=(const OldFile&) = delete;

    std::uint64_t size() const { return size_; }
    void read(std::uint64_t offset, void* bytes, std::size_t count) const;

  private:
    std::filesystem::path file_;
    int descriptor_ = -1;
    std::uint64_t size_ = 0;
};

}  // namespace taper
