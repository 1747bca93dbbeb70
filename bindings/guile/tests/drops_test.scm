;; SPDX-License-Identifier: MIT
;; What is dropped: it is released, after everything that may still use it, and told of.
(use-modules (safehandle) (tap) (srfi srfi-64) (ice-9 threads) (ice-9 receive) (rnrs bytevectors))

(test-begin "drops")

(define many 500)
(define nearly-all (- many (quotient many 20)))

;; ---- handles --------------------------------------------------------------------------------------------------------

(define numbers '())
(define (open-and-note make)
  (lambda (i)
    (let ((h (make)))
      (set! numbers (cons (call-with-lease h identity) numbers)))))

(drop-all many (open-and-note (lambda () (open-handle "/dev/null" "r"))))
(test-equal "they are open" many (open-count numbers))
(test-assert "dropped handles are released"
  (wait-until (lambda () (gc) (<= (open-count numbers) (- many nearly-all)))))

(test-assert "a closed handle is not released again"
  (let ((h (open-handle "/dev/null" "r")))
    (close-handle h)
    (let ((other (open-handle "/dev/null" "r")))
      (set! h #f)
      (gc) (gc) (gc)
      (= 1 (open-count (list (call-with-lease other identity)))))))

;; Leaks are told together, when their line has been quiet for a second.
(test-assert "a warning names the line that made them"
  (let ((told (open-output-string)))
    (parameterize ((current-warning-port told))
      (drop-all 20 (lambda (i) (open-handle "/dev/null" "r"))) ; the line that is meant
      (wait-until (lambda () (gc) (run-deferred)
                          (string-contains (get-output-string told) "drops_test.scm:35"))))))

;; ---- kinds of one's own ---------------------------------------------------------------------------------------------

(define released (make-hash-table))
(define released-on '())
(define thing-kind
  (make-handle-kind "thing" #:release
                    (lambda (raw)
                      (set! released-on (cons (current-thread) released-on))
                      (hashv-set! released raw (+ 1 (hashv-ref released raw 0))))))

(drop-all many (lambda (i) (wrap-handle i thing-kind)))
(test-assert "the release of a dropped handle is called, in Scheme"
  (wait-until (lambda () (gc) (>= (hash-count (const #t) released) nearly-all))))
(test-assert "once for each"
  (hash-fold (lambda (raw times so-far) (and so-far (= times 1))) #t released))
(test-assert "on threads of Guile's that run Scheme anyway"
  (and-map (lambda (thread) (eq? thread (current-thread))) released-on))

;; ---- guardians ------------------------------------------------------------------------------------------------------

(let ((guardian (make-guardian)) (back '()))
  (drop-all many (lambda (i) (guardian (open-handle "/dev/null" "r"))))
  (test-assert "a guardian gives back what was dropped"
    (wait-until (lambda ()
                  (gc)
                  (let loop ((h (guardian)))
                    (when h
                      (set! back (cons h back))
                      (loop (guardian))))
                  (>= (length back) nearly-all))))
  (test-assert "and all of it is open" (not (or-map handle-closed? back)))
  (for-each close-handle back))

(let ((guardian (make-guardian)) (closed 0))
  (drop-all many (lambda (i) (guardian (list (open-handle "/dev/null" "r") i))))
  (test-assert "what an object in a guardian owns is open, too"
    (wait-until (lambda ()
                  (gc)
                  (let loop ((found (guardian)))
                    (when found
                      (when (handle-closed? (car found)) (set! closed -1000000))
                      (close-handle (car found))
                      (set! closed (+ closed 1))
                      (loop (guardian))))
                  (>= closed nearly-all)))))

;; ---- ports ----------------------------------------------------------------------------------------------------------

;; M9: the port holds what was written, and nobody closes it.
(define (write-and-forget writer)
  (lambda (i)
    (let* ((h (duplicate-handle writer))
           (port (handle->port h "w")))
      (set! numbers (cons (call-with-lease h identity) numbers))
      (display (string-append (number->string i) "\n") port))))

(receive (reader writer) (pipe-handles O_NONBLOCK)
  (define lines 0)
  (define (count-more!)
    (catch 'system-error
      (lambda ()
        (let ((bytes (handle-read reader 4096)))
          (set! lines (+ lines (length (filter (lambda (byte) (= byte 10)) (bytevector->u8-list bytes)))))
          (count-more!)))
      (lambda arguments lines)))
  (set! numbers '())
  (drop-all 200 (write-and-forget writer))
  (test-assert "a dropped port is flushed through its handle, which is open still"
    (wait-until (lambda () (gc) (>= (count-more!) 190))))
  (test-assert "and released then"
    (wait-until (lambda () (gc) (<= (open-count numbers) 10))))
  (for-each close-handle (list reader writer)))

;; ---- Guile's own finalization ---------------------------------------------------------------------------------------

(let ((guardian (make-guardian)) (back 0))
  (drop-all many (lambda (i) (guardian (list i))))
  (test-assert "Guile's own finalization goes on"
    (wait-until (lambda ()
                  (gc)
                  (let loop () (when (guardian) (set! back (+ back 1)) (loop)))
                  (>= back nearly-all)))))

(test-end "drops")
(exit-as-tap)
