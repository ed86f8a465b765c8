#include <taper/core/file.h>

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <taper/formats/error.h>

namespace taper {
namespace {

[[noreturn]] void fail(const char* op, const char* what, const std::filesystem::path& file) {
    const int error = errno;
    throw Error(std::string(op) + ": " + what + ": " + file.string() + ": " + std::strerror(error));
}

// Makes the new name survive a crash.
void sync_folder(const std::filesystem::path& file) {
    const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) fail("save", "cannot open the folder", folder);
    const bool good = ::fsync(descriptor) == 0 || errno == EINVAL;  // EINVAL: a file system without it
    const int error = errno;
    ::close(descriptor);
    errno = error;
    if (!good) fail("save", "written, but its folder cannot be synced", folder);
}

}  // namespace

NewFile::NewFile(const std::filesystem::path& file) : file_(file), temporary_(file.string() + ".tmp") {
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail("save", "cannot create", temporary_);
    try {
        lock();
    } catch (const Error&) {
        ::close(descriptor_);
        throw;
    }
}

void NewFile::lock() {
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) fail("save", "another save of the same file is under way", temporary_);
    // Between open and lock another writer may have renamed this very file into place.
    struct stat opened, named;
    if (::fstat(descriptor_, &opened) != 0 || ::lstat(temporary_.c_str(), &named) != 0 || opened.st_ino != named.st_ino || opened.st_dev != named.st_dev) {
        throw Error("save: another save of the same file was under way: " + temporary_.string() + " (want one at a time)");
    }
    if (!S_ISREG(opened.st_mode)) throw Error("save: not a regular file: " + temporary_.string() + " (want a name that is free)");
    owned_ = true;
    if (::ftruncate(descriptor_, 0) != 0) fail("save", "cannot empty", temporary_);
}

NewFile::~NewFile() {
    if (owned_) ::unlink(temporary_.c_str());
    ::close(descriptor_);
}

void NewFile::write(const void* bytes, std::size_t count) {
    const char* from = static_cast<const char*>(bytes);
    while (count != 0) {
        const ssize_t written = ::write(descriptor_, from, count);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail("save", "cannot write", temporary_);
        from += written;
        count -= static_cast<std::size_t>(written);
    }
}

void NewFile::commit() {
    if (::fsync(descriptor_) != 0) fail("save", "cannot sync", temporary_);
    if (::rename(temporary_.c_str(), file_.c_str()) != 0) fail("save", "cannot rename into place", file_);
    owned_ = false;
    sync_folder(file_);
}

OldFile::OldFile(const std::filesystem::path& file) : file_(file) {
    descriptor_ = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe does not block
    if (descriptor_ < 0) fail("load", "cannot open", file);
    struct stat status;
    if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
        ::close(descriptor_);
        throw Error("load: not a regular file: " + file.string() + " (want a file)");
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
}

OldFile::~OldFile() { ::close(descriptor_); }

void OldFile::read(std::uint64_t offset, void* bytes, std::size_t count) const {
    char* to = static_cast<char*>(bytes);
    while (count != 0) {
        const ssize_t got = ::pread(descriptor_, to, count, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail("load", "cannot read", file_);
        if (got == 0) throw Error("load: the file ends too early: " + file_.string() + " at byte " + std::to_string(offset) + " (want " + std::to_string(count) + " more)");
        to += got;
        offset += static_cast<std::uint64_t>(got);
        count -= static_cast<std::size_t>(got);
    }
}

}  // namespace taper
