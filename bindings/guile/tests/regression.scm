;; SPDX-License-Identifier: MIT
;; What the regression programs share: each retells a bug of programs that are in use, with Guile's ordinary means
;; (plain) and through the binding (safehandle), and counts how often the wrong object was hit.
;;
;;     PROGRAM --tries=N --with=plain|safehandle
(define-module (regression)
  #:use-module (ice-9 getopt-long)
  #:use-module (ice-9 textual-ports)
  #:use-module (rnrs bytevectors)
  #:use-module (system foreign)
  #:use-module (system foreign-library)
  #:export (run-tries temporary-file open-strangers strangers-hold close-strangers write-to-number))

;; The ordinary way to write to a descriptor of which one has the number.
(define write-to-number
  (let ((write (foreign-library-function #f "write" #:return-type ssize_t #:arg-types (list int '* size_t))))
    (lambda (fd text)
      (let ((bytes (string->utf8 text)))
        (write fd (bytevector->pointer bytes) (bytevector-length bytes))))))

(define (temporary-file)
  (let* ((port (mkstemp! (string-append (or (getenv "TMPDIR") "/var/tmp") "/safehandle-XXXXXX")))
         (name (port-filename port)))
    (close-port port)
    name))

;; Somebody else's files: enough of them to be given the number that has just become free.
(define (open-strangers path)
  (map (lambda (i) (open-file path "w0")) (iota 6)))

(define (strangers-hold path)
  (call-with-input-file path get-string-all))

(define (close-strangers strangers)
  (for-each (lambda (port) (false-if-exception (close-port port))) strangers))

(define (run-tries program ways)
  "Run the way that the command line names, which answers whether it has hit the wrong object, as often as it says."
  (let* ((options (getopt-long (command-line) '((tries (value #t)) (with (value #t)))))
         (tries (string->number (option-ref options 'tries "100")))
         (with (option-ref options 'with "plain"))
         (try (or (assoc-ref ways with)
                  (begin
                    (format (current-error-port) "~a: --with=plain or --with=safehandle~%" program)
                    (exit 2)))))
    (let loop ((i 0) (misdirected 0))
      (if (< i tries)
          (loop (+ i 1) (if (try) (+ misdirected 1) misdirected))
          (format #t "{\"program\": ~s, \"language\": \"guile\", \"with\": ~s, \"tries\": ~a, \"misdirected\": ~a}~%"
                  program with tries misdirected)))))
