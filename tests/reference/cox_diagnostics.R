# Reference numbers for tests/test_cox_diagnostics.py, test_cox_concordance.py and test_cox_curves.py.
# Run with: Rscript tests/reference/cox_diagnostics.R   (R's survival, splines and jsonlite)
# Reads heart.csv, cgd.csv and veteran.csv (made by survival.R); writes ovarian.csv, lung.csv, retinopathy.csv and
# cox_diagnostics.json beside this file.
suppressMessages({library(survival); library(jsonlite); library(splines)})
here <- "tests/reference"
read <- function(name) read.csv(file.path(here, paste0(name, ".csv")))
write <- function(data, name) write.csv(data, file.path(here, paste0(name, ".csv")), row.names = FALSE)
control <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50)
plain <- function(x) unname(as.matrix(x))

ovarian <- survival::ovarian
names(ovarian) <- gsub(".", "_", names(ovarian), fixed = TRUE)
lung <- survival::lung[, c("time", "status", "age", "sex", "ph.ecog", "ph.karno", "wt.loss")]
names(lung) <- gsub(".", "_", names(lung), fixed = TRUE)
lung$status <- lung$status - 1
lung <- lung[complete.cases(lung), ]  # 18 rows without a value are left out
retinopathy <- survival::retinopathy[, c("id", "laser", "eye", "age", "type", "trt", "futime", "status", "risk")]
write(ovarian, "ovarian"); write(lung, "lung"); write(retinopathy, "retinopathy")

# The data of the cases; times in months make many ties. The tests make the same columns.
heart <- read("heart"); cgd <- read("cgd"); veteran <- read("veteran")
veteran$celltype <- factor(veteran$celltype, c("squamous", "smallcell", "adeno", "large"))
heart$begin <- floor(heart$start / 30)
heart$end <- pmax(ceiling(heart$stop / 30), heart$begin + 1)
heart$w <- 1 + (seq_len(nrow(heart)) %% 3) / 2
cgd$sex <- factor(cgd$sex, c("male", "female"))
cgd$begin <- floor(cgd$tstart / 30)
cgd$end <- pmax(ceiling(cgd$tstop / 30), cgd$begin + 1)
veteran$months <- ceiling(veteran$time / 30)

fits <- list(
  "heart" = coxph(Surv(start, stop, event) ~ age + year + surgery + transplant, heart, control = control, x = TRUE),
  "heart breslow" = coxph(Surv(begin, end, event) ~ age + surgery + transplant, heart, ties = "breslow", weights = w,
    robust = FALSE, control = control, x = TRUE),
  "heart tied" = coxph(Surv(begin, end, event) ~ age + surgery + transplant, heart, weights = w, robust = FALSE,
    control = control, x = TRUE),
  "cgd strata" = coxph(Surv(begin, end, status) ~ treat + height + offset(age / 20) + strata(sex), cgd, weights = wt,
    robust = FALSE, control = control, x = TRUE),
  "cgd hospital" = coxph(Surv(tstart, tstop, status) ~ treat + age + inherit + strata(center), cgd, control = control,
    x = TRUE),
  "veteran" = coxph(Surv(months, status) ~ trt + celltype + karno, veteran, control = control, x = TRUE)
)

of_rows <- function(fit) list(
  martingale = unname(residuals(fit, "martingale")), deviance = unname(residuals(fit, "deviance")),
  score = plain(residuals(fit, "score")), dfbeta = plain(residuals(fit, "dfbeta")),
  time = as.numeric(rownames(residuals(fit, "schoenfeld"))), schoenfeld = plain(residuals(fit, "schoenfeld")),
  scaled_schoenfeld = plain(residuals(fit, "scaledsch"))
)

# The curve that plot.cox.zph draws, without drawing it: its own lines, for one coefficient.
smooth <- function(zph, i, df = 4, nsmo = 40) {
  grid <- seq(min(zph$x), max(zph$x), length = nsmo)
  basis <- ns(c(grid, zph$x), df = df, intercept = TRUE)
  there <- basis[1:nsmo, ]; keep <- !is.na(zph$y[, i])
  q <- qr(basis[-(1:nsmo), ][keep, ])
  bk <- backsolve(q$qr[1:df, 1:df], diag(df))
  list(x = grid, estimate = drop(there %*% qr.coef(q, zph$y[keep, i])),
    std_error = sqrt(zph$var[i, i] * drop(((there %*% (bk %*% t(bk))) * there) %*% rep(1, df))))
}
table <- function(zph) list(term = rownames(zph$table), chi2 = zph$table[, 1], df = zph$table[, 2], p = zph$table[, 3])
hazards <- function(fit) {
  tests <- lapply(c(km = "km", rank = "rank", identity = "identity", log = "log"), function(g)
    list(coefficients = table(cox.zph(fit, g, terms = FALSE)), terms = table(cox.zph(fit, g))))
  zph <- cox.zph(fit, "km", terms = FALSE)
  c(tests, list(y = plain(zph$y), smooth = lapply(seq_len(ncol(zph$y)), function(i) smooth(zph, i))))
}
agreement <- function(fit, unit) {
  one <- function(found) list(concordance = unname(found$concordance), std_error = sqrt(unname(drop(found$var))),
    counts = unname(if (is.matrix(found$count)) colSums(found$count) else found$count))
  list(rows = one(concordance(fit)), clustered = one(concordance(fit, cluster = unit)))
}
diagnostics <- Map(function(fit, unit) list(loglik = fit$loglik, rows = of_rows(fit), ph = hazards(fit),
  concordance = agreement(fit, unit)), fits, list(heart$id, heart$id, heart$id, cgd$id, cgd$id, seq_len(nrow(veteran))))

# Curves. R's error along a path that changes, survfit(id=), takes the covariates of the moment for those of all the
# time before; the sum over the path is made here from R's own pieces: the hazard, its variance and the mean covariates
# at each event time.
curve <- function(s) {
  list(time = s$time, survival = s$surv, cumulative_hazard = s$cumhaz, std_error = s$std.err * s$surv, conf_low = s$lower,
    conf_high = s$upper)
}
along <- function(fit, path) {
  y <- fit$y; b <- coef(fit); x <- fit$x; w <- if (is.null(fit$weights)) rep(1, nrow(x)) else fit$weights
  pieces <- survival:::agsurv(y, x, w, exp(drop(x %*% b)), 3, 3)
  xbar <- diff(rbind(0, pieces$xbar)); z <- as.matrix(path[, names(b)])
  steps <- lapply(seq_len(nrow(path)), function(i) {
    at <- which(pieces$time > path$start[i] & pieces$time <= path$stop[i] & pieces$n.event > 0)
    r <- exp(sum(z[i, ] * b))
    list(time = pieces$time[at], hazard = r * pieces$hazard[at], noise = r^2 * pieces$varhaz[at],
      slope = r * (outer(pieces$hazard[at], z[i, ]) - xbar[at, , drop = FALSE]))
  })
  hazard <- cumsum(unlist(lapply(steps, `[[`, "hazard"))); noise <- cumsum(unlist(lapply(steps, `[[`, "noise")))
  slope <- apply(do.call(rbind, lapply(steps, `[[`, "slope")), 2, cumsum)
  error <- sqrt(noise + rowSums((slope %*% vcov(fit)) * slope))
  list(time = unlist(lapply(steps, `[[`, "time")), survival = exp(-hazard), std_error = exp(-hazard) * error)
}
zero <- data.frame(age = 0, year = 0, surgery = 0, transplant = 0)
someone <- data.frame(age = -10, year = 3, surgery = 1, transplant = 0)
path <- data.frame(id = 1, start = c(0, 30, 200), stop = c(30, 200, 900), event = 0, age = c(5, 5, 6), year = 2,
  surgery = 0, transplant = c(0, 1, 1))
still <- transform(path, age = 5, transplant = 1)
robust <- coxph(Surv(start, stop, event) ~ age + year + surgery + transplant, heart, cluster = id, control = control)
stratified <- coxph(Surv(begin, end, status) ~ treat + height + strata(sex), cgd, weights = wt, robust = FALSE,
  control = control, x = TRUE)
girl <- data.frame(treat = "treated", height = 140, sex = factor("female", levels(cgd$sex)))
r_along <- survfit(fits[["heart"]], newdata = path, id = id)
of_new <- function(fit, new) curve(survfit(fit, newdata = new, censor = FALSE))
curves <- list(
  zero = of_new(fits[["heart"]], zero), someone = of_new(fits[["heart"]], someone), robust = of_new(robust, someone),
  tied = of_new(fits[["heart tied"]], someone), breslow = of_new(fits[["heart breslow"]], someone),
  strata = of_new(stratified, girl), path = along(fits[["heart"]], path),
  still = curve(survfit(fits[["heart"]], newdata = still, id = id, censor = FALSE)),
  path_r = list(survival = r_along$surv[r_along$n.event > 0], std_error = (r_along$std.err * r_along$surv)[r_along$n.event > 0])
)

base <- function(fit) list(coef = unname(coef(fit)), std_error = unname(sqrt(diag(vcov(fit)))), loglik = fit$loglik)
bases <- list(
  ovarian = base(coxph(Surv(futime, fustat) ~ age + resid_ds + rx + ecog_ps, ovarian, control = control)),
  lung = base(coxph(Surv(time, status) ~ age + sex + ph_ecog + ph_karno + wt_loss, lung, control = control)),
  retinopathy = base(coxph(Surv(futime, status) ~ trt * type + risk, retinopathy, cluster = id, control = control)),
  "retinopathy strata" = base(coxph(Surv(futime, status) ~ trt + strata(id), retinopathy, control = control))
)
smaller <- coxph(Surv(start, stop, event) ~ age + year, heart, control = control)
lr <- anova(smaller, fits[["heart"]])
tests <- list(chi2 = lr$Chisq[2], df = lr$Df[2], p = lr[["Pr(>|Chi|)"]][2], all = 2 * diff(fits[["heart"]]$loglik))
versions <- paste(R.version.string, "survival", packageVersion("survival"))
writeLines(toJSON(list(versions = versions, diagnostics = diagnostics, curves = curves, base = bases, lr_test = tests),
  digits = I(13), auto_unbox = TRUE, na = "null"), file.path(here, "cox_diagnostics.json"))
