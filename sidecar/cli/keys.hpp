#pragma once
#include <chrono>
#include <termios.h>

namespace ayb::cli {

// The keyboard, taken key by key and not shown for as long as this lives, where stdin and stdout
// are a terminal. Its Ctrl-C and Ctrl-Z do what they always do, with the terminal as it was.
class Keys {
  public:
    Keys();
    ~Keys();
    Keys(const Keys &) = delete;
    Keys &operator=(const Keys &) = delete;

    // Waits for so long, or until q: true then.
    bool quit_within(std::chrono::milliseconds wait);

  private:
    bool quits();
    void take() const;
    void give_back() const;
    void raise_as_usual(int signal) const;

    termios usual_{};
    bool there_; // false also once nobody is behind it any more
};

} // namespace ayb::cli
