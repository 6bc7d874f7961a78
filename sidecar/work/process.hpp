#pragma once
// A program behind its guard, never waited for: its pipes are polled.
#include "work/guard.hpp"
#include "work/outcome.hpp"

#include <poll.h>

#include <vector>

namespace ayb::work {

// A descriptor that is closed with its owner.
class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() { close(); }
    Descriptor(Descriptor &&other) noexcept : number_(other.release()) {}
    Descriptor &operator=(Descriptor &&other) noexcept;
    int get() const { return number_; }
    bool open() const { return number_ >= 0; }
    void close();

  private:
    int release();

    int number_ = -1;
};

class Process {
  public:
    // Starts it. One whose stdout has more than `longest` that nobody took is ended. Throws
    // std::system_error where there is no room for it.
    Process(const Launch &launch, const std::vector<std::string> &variables, std::size_t longest);
    // One that still runs is ended, with all that it started.
    ~Process();
    Process(const Process &) = delete;
    Process &operator=(const Process &) = delete;

    // What it is to read, behind what it hasn't read yet; then, or at once, the end of it.
    void write(const std::string &text);
    void end_input();

    // What to wait for; then, what to do where anything of it has come.
    void watch(std::vector<pollfd> &looks) const;
    void go_on();

    // Whether more may come on its stdout.
    bool speaks() const { return out_.open(); }
    // Whether it is gone with all that it started. Nothing more comes of it then.
    bool ended() const { return ended_; }
    // Asks it to end, and all of its group; ends it, and all that it started.
    void ask_to_end() { tell(kAsk); }
    void end() { tell(kEnd); }

    // What it said, and how it ended.
    Ending &ending() { return ending_; }

  private:
    void tell(int signal) const;
    void send();
    void read_out();
    void read_err();
    void read_news();

    const std::size_t longest_;
    pid_t guard_ = -1;
    Descriptor in_, out_, err_, news_;
    std::string unread_; // by the program
    std::size_t sent_ = 0;
    bool input_ends_ = false;
    std::string told_; // by the guard
    bool ended_ = false;
    Ending ending_;
};

// A program's pipes are to have none of the numbers that they get there.
void fill_low_descriptors();

} // namespace ayb::work
