;; SPDX-License-Identifier: MIT
;; The regression programs, in a quick form: with ordinary means they hit the wrong object, or the test could not see
;; it; through the binding never.
(use-modules (tap) (srfi srfi-64) (ice-9 popen) (ice-9 textual-ports) (ice-9 regex) (ice-9 receive))

(test-begin "regressions")

(define directory (string-append (dirname (dirname (car (command-line)))) "/regressions"))
(define tries 20)

(define (run program with)
  "How many of how many tries were misdirected; the line that says so becomes a comment."
  (let* ((port (open-pipe* OPEN_READ (or (getenv "GUILE") "guile") (string-append directory "/" program ".scm")
                           (format #f "--tries=~a" tries) (string-append "--with=" with)))
         (line (get-string-all port)))
    (close-pipe port)
    (format #t "# ~a" line)
    (let ((found (string-match "\"tries\": ([0-9]+), \"misdirected\": ([0-9]+)}\n$" line)))
      (if found
          (values (string->number (match:substring found 1)) (string->number (match:substring found 2)))
          (values 0 0)))))

(for-each
 (lambda (program)
   (receive (tried misdirected) (run program "plain")
     (test-assert (string-append program ": by ordinary means it hits a stranger") (> misdirected 0)))
   (receive (tried misdirected) (run program "safehandle")
     (test-equal (string-append program ": through the binding never") (list tries 0) (list tried misdirected))))
 '("double_close" "fileno" "recv" "yield"))

(test-end "regressions")
(exit-as-tap)
