;; SPDX-License-Identifier: MIT
;; The installed copy: it lies where Guile looks, and is loaded from there, compiled.
(use-modules (tap) (srfi srfi-64) (ice-9 popen) (ice-9 textual-ports) (ice-9 ftw))

(test-begin "install")

(define copy (mkdtemp (string-append (or (getenv "TMPDIR") "/var/tmp") "/safehandle-XXXXXX")))

(define (output-of . command)
  (let* ((port (apply open-pipe* OPEN_READ command))
         (output (get-string-all port)))
    (cons (status:exit-val (close-pipe port)) output)))

(test-equal "it installs" 0
            (car (output-of (getenv "MESON") "install" "-C" (getenv "BUILD") "--quiet" "--no-rebuild"
                            "--tags" "guile" "--destdir" copy)))

(define places
  (map (lambda (name) (string-append copy (getenv name))) '("MODULES" "COMPILED" "EXTENSIONS")))

(for-each
 (lambda (place file)
   (test-assert (string-append file " is there") (file-exists? (string-append place "/" file))))
 (append places places)
 '("safehandle.scm" "safehandle.go" "guile-safehandle.so"
   "safehandle/primitives.scm" "safehandle/primitives.go" "guile-safehandle.so"))

(when (member (getenv "PREFIX") '("/usr" "/usr/local"))
  (test-equal "where Guile looks" (list (%site-dir) (%site-ccache-dir)) (list (getenv "MODULES") (getenv "COMPILED"))))

(for-each setenv '("GUILE_LOAD_PATH" "GUILE_LOAD_COMPILED_PATH" "GUILE_EXTENSIONS_PATH") places)
(test-equal "a program uses it, and Guile has nothing to say about it" '(0 . "ok")
            (output-of "/bin/sh" "-c"
                       (string-append "exec 2>&1; exec " (or (getenv "GUILE") "guile") " -c '"
                                      (object->string '(begin
                                                         (use-modules (safehandle))
                                                         (with-handle ((h (open-handle "/dev/null" "r")))
                                                           (when (eof-object? (handle-read h 1))
                                                             (display "ok")))))
                                      "'")))

(define (delete-tree path)
  (define (nothing name info result) result)
  (file-system-fold (const #t)
                    (lambda (file info result) (delete-file file))
                    nothing
                    (lambda (directory info result) (rmdir directory))
                    nothing
                    (lambda (name info error result) result)
                    #t path))
(delete-tree copy)

(test-end "install")
(exit-as-tap)
