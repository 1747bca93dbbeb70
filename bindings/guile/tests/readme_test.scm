;; SPDX-License-Identifier: MIT
;; What the README begins with is run as it stands there.
(use-modules (tap) (srfi srfi-64) (ice-9 textual-ports) (ice-9 popen))

(test-begin "readme")

(define readme (string-append (dirname (dirname (car (command-line)))) "/README.md"))

(define (first-program text)
  (let* ((begun (+ (string-contains text "```scheme\n") (string-length "```scheme\n"))))
    (substring text begun (string-contains text "```" begun))))

(define program (first-program (call-with-input-file readme get-string-all)))

(test-assert "it is ten lines, or fewer" (<= (length (string-split (string-trim-both program) #\newline)) 10))
(let* ((port (open-pipe* OPEN_READ (or (getenv "GUILE") "guile") "-c" program))
       (output (get-string-all port)))
  (test-equal "it says what it should" "hello" output)
  (test-equal "and ends well" 0 (status:exit-val (close-pipe port))))

(test-end "readme")
(exit-as-tap)
